use super::*;
use crate::fixtures::pickles::{STYLES, Style, Written, name, pickled, text};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<Pickle> {
    Pickle::read(Bytes::memory(bytes), 0, bytes.len() as u64)
}

fn error(bytes: &[u8]) -> String {
    let error = read(bytes).err().expect("a bad pickle");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

/// What numpy 2.4 and Python 3.12 wrote in each protocol, one file a protocol:
/// `{'data': (numpy.arange(48)*5%251).astype('uint8').reshape(4,2,2,3), 'labels': [3,3,7,7], 'catname2label':
/// {'n01440764': 3, 'n02074367': 7}, 'weights': numpy.array([-2,300]), 'number': numpy.int64(-5), 'name': 'café',
/// 'none': None, 'yes': True, 'big': 2**40, 'half': 0.5}`.
const MADE: [&[u8]; 6] = [
    include_bytes!("made/protocol-0.pkl"),
    include_bytes!("made/protocol-1.pkl"),
    include_bytes!("made/protocol-2.pkl"),
    include_bytes!("made/protocol-3.pkl"),
    include_bytes!("made/protocol-4.pkl"),
    include_bytes!("made/protocol-5.pkl"),
];

#[test]
fn every_protocol_of_python_gives_the_same_values() {
    for (protocol, bytes) in MADE.into_iter().enumerate() {
        let pickle = read(bytes).unwrap_or_else(|error| panic!("protocol {protocol} {error}"));
        let key = |key| pickle.get(pickle.root(), key).unwrap_or_else(|| panic!("protocol {protocol} has no {key}"));
        let pixels = pickle.pixels(key("data")).unwrap().unwrap();
        assert_eq!(pixels.shape, [4, 2, 2, 3], "protocol {protocol}");
        let mut raw = vec![0; 48];
        pixels.bytes.read_exact_at(pixels.offset, &mut raw).unwrap();
        assert_eq!(raw, (0..48).map(|i| (i * 5 % 251) as u8).collect::<Vec<_>>(), "protocol {protocol}");
        assert_eq!(pickle.ints(key("labels")).unwrap(), [3, 3, 7, 7]);
        assert_eq!(pickle.ints(key("weights")).unwrap(), [-2, 300], "protocol {protocol}");
        assert_eq!(pickle.int(key("number")), Some(-5), "protocol {protocol}");
        assert_eq!(pickle.int(key("big")), Some(1 << 40));
        assert_eq!(pickle.int(key("yes")), Some(1));
        assert_eq!(pickle.text(key("name")).unwrap(), "caf\u{e9}", "protocol {protocol}");
        let names = pickle.pairs(key("catname2label")).unwrap();
        let names: Vec<_> = names.iter().map(|(name, label)| (pickle.text(*name), pickle.int(*label))).collect();
        assert_eq!(names, [(Some("n01440764".into()), Some(3)), (Some("n02074367".into()), Some(7))]);
        assert!(pickle.get(pickle.root(), "absent").is_none() && pickle.int(key("half")).is_none());
        assert!(pickle.pixels(key("weights")).unwrap().err().unwrap().contains("i8"));
    }
}

#[test]
fn long_bytes_are_left_where_they_lie() {
    let bytes: Vec<u8> = (0..200_000u32).map(|i| ((i * 7) >> 3) as u8).collect();
    for style in STYLES {
        let value = Written::Dict(vec![(text("data"), Written::Array(vec![200, 1000], bytes.clone()))]);
        let mut file = vec![9; 77];
        file.extend(pickled(style, &value));
        let pickle = Pickle::read(Bytes::memory(file.clone()), 77, file.len() as u64 - 77).unwrap();
        let data = pickle.get(pickle.root(), "data").unwrap();
        let pixels = pickle.pixels(data).unwrap().unwrap();
        // Only what was written as a text must be decoded.
        assert_eq!(pixels.bytes.len() == file.len() as u64, style != Style::Old, "{style:?}");
        let mut raw = vec![0; bytes.len()];
        pixels.bytes.read_exact_at(pixels.offset, &mut raw).unwrap();
        assert!(raw == bytes, "{style:?}");
    }
}

#[test]
fn code_is_not_run_but_named() {
    for style in STYLES {
        let mut bytes = vec![0x80, if style == Style::New { 4 } else { 2 }];
        name(&mut bytes, style, "os", "system");
        bytes.extend(b"U\x04true\x85R.");
        assert!(error(&bytes).contains("would run os.system"), "{style:?}");
    }
    assert!(error(b"cposix\nsystem\n(S'true'\ntR.").contains("posix.system"));
    assert!(error(b"cbuiltins\neval\n(S'1'\ntR.").contains("builtins.eval"));
    assert!(error(b"c\x1b[31m\n\r\n(tR.").contains("\\u{1b}[31m"));
    assert!(error(b"(ios\nsystem\n.").contains("objects"));
    assert!(error(b"Pthing\n.").contains("objects"));
    assert!(error(b"\x82\x01.").contains("objects"));
}

#[test]
fn what_contradicts_itself_is_an_error() {
    for (bytes, what) in [
        (&b""[..], "cut off"),
        (b"\x80\x02", "cut off"),
        (b".", "without its values"),
        (b"(.", "without its values"),
        (b"e.", "without its mark"),
        (b"\x80\x09.", "protocol 9"),
        (b"K\x01K\x02a.", "what is no list"),
        (b"K\x01K\x02K\x03s.", "what is no dict"),
        (b"}(K\x01u.", "a key without a value"),
        (b"h\x07.", "never kept"),
        (b"T\xff\xff\xff\x7fabc.", "longer than it is"),
        (b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc.", "longer than it is"),
        (b"\x8b\xff\xff\xff\xff1.", "beyond 64 bits"),
        (b"Iseven\n.", "a number that is none"),
        (b"S'a\n.", "without quotes"),
        (b"S'\\xg1'\n.", "broken escape"),
        (b"V\\ud800\n.", "broken escape"),
        (b"K\x01)R.", "no function"),
        (b"cnumpy\ndtype\n)R.", "without its arguments"),
        (b"K\x01)b.", "what has none"),
        (b"\xff.", "unknown step"),
        (b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\x02t.", ""),
    ] {
        match read(bytes) {
            Err(error) => assert!(error.contains(what) && !what.is_empty(), "{bytes:?}: {error}"),
            Ok(_) => assert!(what.is_empty(), "{bytes:?}"),
        }
    }
    // An array that claims more than it has, a negative one, one larger than any memory.
    for (shape, what) in [
        (&b"J\x00\x00\x00\x01J\x00\x00\x00\x01"[..], "another size"),
        (b"J\xff\xff\xff\xffJ\x01\x00\x00\x00", "negative"),
        (b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "larger than memory"),
    ] {
        let mut bytes = pickled(Style::Python2, &Written::Array(vec![2, 2], vec![1, 2, 3, 4]));
        let at = bytes.windows(10).position(|window| window == b"J\x02\0\0\0J\x02\0\0\0").unwrap();
        bytes.splice(at..at + 10, shape.iter().copied());
        let found = read(&bytes).and_then(|pickle| pickle.pixels(pickle.root()).unwrap().map(drop));
        assert!(found.as_ref().is_err_and(|error| error.contains(what)), "{found:?}");
    }
}

#[test]
fn what_holds_itself_or_doubles_without_end_costs_nothing() {
    // l = []; l.append(l)
    let pickle = read(b"]q\x00h\x00a.").unwrap();
    assert!(pickle.ints(pickle.root()).is_none() && pickle.texts(pickle.root()).is_none());
    // d = {}; d['a'] = d
    let pickle = read(b"}q\x00U\x01ah\x00s.").unwrap();
    assert_eq!(pickle.get(pickle.root(), "a"), Some(pickle.root()));
    // A list that is doubled and doubled: each step is one step.
    let mut bytes = b"]q\x00K\x01a".to_vec();
    for i in 0..60u8 {
        bytes.extend([b']', b'q', i + 1, b'h', i, b'a', b'h', i, b'a', b'0']);
    }
    bytes.extend(b"h\x3c.");
    assert!(read(&bytes).is_ok());
    // Copies of one long list.
    let mut bytes = b"](".to_vec();
    (0..1000).for_each(|_| bytes.extend(b"]K\x01aK\x02a"));
    bytes.extend(b"eq\x00");
    (0..40_000).for_each(|_| bytes.extend(b"ccollections\nOrderedDict\nh\x00\x85R0"));
    bytes.push(b'.');
    assert!(error(&bytes).contains("too much memory"));
    assert!(error(&b"N0".repeat(5 << 20)).contains("more than"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn any_change_of_a_real_pickle_is_values_or_an_error_of_one_line(
        protocol in 0..6usize,
        changes in proptest::collection::vec((0..900usize, any::<u8>(), 0..3u8), 1..6),
    ) {
        let mut bytes = MADE[protocol].to_vec();
        for (at, value, kind) in changes {
            let at = at % bytes.len().max(1);
            match kind {
                0 => bytes[at] = value,
                1 => bytes.insert(at, value),
                _ => bytes.truncate(at.max(1)),
            }
        }
        match read(&bytes) {
            Err(error) => prop_assert_eq!(error.lines().count(), 1),
            Ok(pickle) => {
                for key in ["data", "labels", "weights", "catname2label"] {
                    let Some(id) = pickle.get(pickle.root(), key) else { continue };
                    let _ = (pickle.ints(id), pickle.texts(id), pickle.pairs(id).map(<[_]>::len));
                    if let Some(Ok(pixels)) = pickle.pixels(id) {
                        let total: usize = pixels.shape.iter().product();
                        let mut raw = vec![0; total];
                        pixels.bytes.read_exact_at(pixels.offset, &mut raw).unwrap();
                    }
                }
            }
        }
    }

    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }
}
