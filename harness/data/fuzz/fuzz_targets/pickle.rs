//! Any bytes as a pickle: values or an error of one line; arrays lie inside the file (run with -rss_limit_mb=2048).
#![no_main]
#![allow(dead_code)]

#[path = "../../src/bytes.rs"]
mod bytes;
#[path = "../../src/pickle.rs"]
mod pickle;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    match pickle::Pickle::read(bytes::Bytes::memory(file), 0, file.len() as u64) {
        Err(error) => assert_eq!(error.lines().count(), 1, "{error}"),
        Ok(pickle) => {
            for key in ["data", "image_data", "labels", "fine_labels", "class_dict", "catname2label"] {
                let Some(id) = pickle.get(pickle.root(), key) else { continue };
                let _ = (pickle.ints(id), pickle.texts(id), pickle.int(id), pickle.text(id));
                if let Some(Ok(pixels)) = pickle.pixels(id) {
                    let total: usize = pixels.shape.iter().product();
                    let mut raw = vec![0; total];
                    pixels.bytes.read_exact_at(pixels.offset, &mut raw).expect("it lies inside");
                }
            }
        }
    }
});
