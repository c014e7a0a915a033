//! Python's pickles of arrays, and nothing else: numbers, texts, bytes, lists, tuples, dicts and numpy arrays of them.
//!
//! A pickle is a program for a small stack machine that may name any function to call. Here nothing is ever called: the
//! few names that such files hold (numpy's constructors, `collections.OrderedDict`, `_codecs.encode`) stand for values
//! that are built here, and any other name ends the reading. Values live in one table and refer to one another by
//! number, so that a value that holds itself is no danger; the number of steps and values is bounded; long bytes are
//! not read but remembered as a place in the file, so that 800 MB of pixels cost nothing.
//!
//! Protocols 0 to 5, of Python 2 and 3. The formats: Lib/pickletools.py of CPython, `ndarray.__reduce__` of numpy.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use crate::bytes::Bytes;

/// Most steps of the machine. The training part of mini-ImageNet takes some hundred thousand.
const MAX_STEPS: usize = 8 << 20;
/// Most values.
const MAX_VALUES: usize = 2 << 20;
/// Longest text or bytes that are kept; longer ones are remembered by their place.
const INLINE: u64 = 512;
/// Bytes of short texts and copied lists in all.
const MAX_HELD: usize = 64 << 20;
/// Longest line of a text protocol.
const MAX_LINE: u64 = 1 << 20;
/// Bytes of decoded text that are held in memory.
const MAX_DECODED: u64 = 1 << 30;

/// A value's number in the table.
pub(crate) type Id = u32;

/// A pickle that was read.
pub(crate) struct Pickle {
    values: Vec<Value>,
    root: Id,
    source: Bytes,
}

enum Value {
    None,
    Int(i64),
    Float,
    /// Of Python 2 or 3, or a text of Python 2.
    Bytes(Piece),
    /// A text in UTF-8.
    Text(Piece),
    /// Bytes that were written as a text whose characters they are: protocols 0 to 2 of Python 3.
    Latin(Piece),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Name(Name),
    Type(Type),
    Array(Option<Array>),
}

enum Piece {
    Here(Box<[u8]>),
    /// Offset and length in the source.
    There(u64, u64),
}

/// The names that mean something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Reconstruct,
    FromBuffer,
    Scalar,
    NdArray,
    DType,
    Encode,
    BytesType,
    ListType,
    OrderedDict,
    DefaultDict,
}

/// A numpy type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Type {
    /// `u`, `i`, `b`, `f` or another of numpy's kinds.
    kind: u8,
    size: usize,
    big_endian: bool,
}

struct Array {
    shape: Vec<usize>,
    of: Type,
    fortran: bool,
    data: Id,
}

/// Bytes of an array: where they lie, from which offset, and the array's shape.
pub(crate) struct Pixels {
    pub bytes: Bytes,
    pub offset: u64,
    pub shape: Vec<usize>,
}

/// What is wrong with a pickle, without its name.
type Result<T, E = String> = std::result::Result<T, E>;

fn damaged<T>(what: &str) -> Result<T> {
    Err(format!("is a damaged pickle: {what}"))
}

impl Pickle {
    /// Reads the pickle at `offset` of `bytes`, `len` long. The error says what is wrong with it.
    pub fn read(bytes: Bytes, offset: u64, len: u64) -> Result<Self> {
        let mut machine = Machine {
            input: Input { bytes: bytes.clone(), at: offset, end: offset.saturating_add(len) },
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            held: 0,
        };
        machine.input.bytes.seek(SeekFrom::Start(offset)).map_err(|error| format!("cannot be read: {error}"))?;
        let root = machine.run()?;
        Ok(Pickle { values: machine.values, root, source: bytes })
    }

    pub fn root(&self) -> Id {
        self.root
    }

    /// The value of a key of a dict; none where `id` is no dict or has no such key.
    pub fn get(&self, id: Id, key: &str) -> Option<Id> {
        let Value::Dict(pairs) = self.value(id) else { return None };
        // Of a key that is there twice the last counts, as in Python.
        pairs
            .iter()
            .rev()
            .find(|(name, _)| self.short(*name).is_some_and(|name| name == key.as_bytes()))
            .map(|(_, id)| *id)
    }

    /// Keys and values of a dict, in its order; none where `id` is none.
    pub fn pairs(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.value(id) {
            Value::Dict(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// A short text, or short bytes that are one.
    pub fn text(&self, id: Id) -> Option<String> {
        String::from_utf8(self.short(id)?.to_vec()).ok()
    }

    /// The texts of a list.
    pub fn texts(&self, id: Id) -> Option<Vec<String>> {
        self.items(id)?.iter().map(|id| self.text(*id)).collect()
    }

    /// A whole number.
    pub fn int(&self, id: Id) -> Option<i64> {
        match self.value(id) {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The whole numbers of a list, or of an array of one dimension.
    pub fn ints(&self, id: Id) -> Option<Vec<i64>> {
        if let Some(items) = self.items(id) {
            return items.iter().map(|id| self.int(*id)).collect();
        }
        let Value::Array(Some(array)) = self.value(id) else { return None };
        let (&[count], Type { kind: b'i' | b'u', size, big_endian }) = (&array.shape[..], array.of) else {
            return None;
        };
        if count > MAX_VALUES || !matches!(size, 1 | 2 | 4 | 8) {
            return None;
        }
        let (bytes, offset, _) = self.data(array, count * size).ok().filter(|data| data.2 == (count * size) as u64)?;
        let mut raw = vec![0; count * size];
        bytes.read_exact_at(offset, &mut raw).ok()?;
        Some(raw.chunks_exact(size).map(|number| int(number, big_endian, array.of.kind == b'i')).collect())
    }

    /// An array of bytes (uint8) in the order of C, with its shape; none where `id` is no array. The error says what is
    /// wrong with the array.
    pub fn pixels(&self, id: Id) -> Option<Result<Pixels>> {
        let Value::Array(array) = self.value(id) else { return None };
        let Some(array) = array else { return Some(damaged("an array without contents")) };
        Some(self.pixels_of(array))
    }

    fn pixels_of(&self, array: &Array) -> Result<Pixels> {
        if (array.of.kind, array.of.size) != (b'u', 1) {
            let (kind, size) = (array.of.kind as char, array.of.size);
            return Err(format!("holds pixels as {kind}{size}, not as bytes (u1); convert them with .astype('uint8')"));
        }
        if array.fortran && array.shape.len() > 1 {
            return Err("holds pixels in Fortran's order; write it again with numpy.ascontiguousarray".into());
        }
        let total = array.shape.iter().try_fold(1usize, |all, side| all.checked_mul(*side));
        let Some(total) = total else { return damaged("an array larger than memory") };
        let (bytes, offset, len) = self.data(array, total)?;
        if len != total as u64 {
            return damaged("an array of another size than its shape");
        }
        Ok(Pixels { bytes, offset, shape: array.shape.clone() })
    }

    /// The bytes of an array that should be `wanted` long.
    fn data(&self, array: &Array, wanted: usize) -> Result<(Bytes, u64, u64)> {
        match self.value(array.data) {
            Value::Bytes(Piece::There(offset, len)) => Ok((self.source.clone(), *offset, *len)),
            Value::Bytes(Piece::Here(bytes)) => Ok((Bytes::memory(&bytes[..]), 0, bytes.len() as u64)),
            Value::Latin(piece) | Value::Text(piece) => {
                if wanted as u64 > MAX_DECODED {
                    return Err("holds an array as text, too long to decode; write it again with protocol 4".into());
                }
                let bytes = latin(&self.all(piece)?, wanted)?;
                let len = bytes.len() as u64;
                Ok((Bytes::memory(bytes), 0, len))
            }
            _ => damaged("an array without bytes"),
        }
    }

    fn all(&self, piece: &Piece) -> Result<Vec<u8>> {
        match piece {
            Piece::Here(bytes) => Ok(bytes.to_vec()),
            Piece::There(offset, len) => {
                // The length was compared with the file's when it was read.
                let mut bytes = vec![0; *len as usize];
                self.source.read_exact_at(*offset, &mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
                Ok(bytes)
            }
        }
    }

    fn items(&self, id: Id) -> Option<&[Id]> {
        match self.value(id) {
            Value::List(items) | Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    fn short(&self, id: Id) -> Option<&[u8]> {
        match self.value(id) {
            Value::Bytes(Piece::Here(bytes)) | Value::Text(Piece::Here(bytes)) => Some(bytes),
            _ => None,
        }
    }

    fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }
}

/// The bytes that the characters of a text in UTF-8 are.
fn latin(text: &[u8], wanted: usize) -> Result<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(text) else { return damaged("text that is not UTF-8") };
    let mut bytes = Vec::with_capacity(wanted.min(text.len()));
    for c in text.chars() {
        match u8::try_from(u32::from(c)) {
            Ok(byte) => bytes.push(byte),
            Err(_) => return damaged("bytes written as characters that are none"),
        }
    }
    Ok(bytes)
}

fn int(bytes: &[u8], big_endian: bool, signed: bool) -> i64 {
    let top = if big_endian { bytes.first() } else { bytes.last() };
    let fill = if signed && top.is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut wide = [fill; 8];
    for (i, byte) in bytes.iter().enumerate().take(8) {
        wide[if big_endian { bytes.len() - 1 - i } else { i }] = *byte;
    }
    i64::from_le_bytes(wide)
}

struct Input {
    bytes: Bytes,
    at: u64,
    end: u64,
}

impl Input {
    fn exact<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        self.fill(&mut out)?;
        Ok(out)
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        if self.end - self.at < out.len() as u64 {
            return damaged("it is cut off");
        }
        self.bytes.read_exact(out).map_err(|_| "is a damaged pickle: it is cut off".to_string())?;
        self.at += out.len() as u64;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.exact::<1>()?[0])
    }

    /// `len` bytes, or where they lie.
    fn piece(&mut self, len: u64) -> Result<Piece> {
        if self.end - self.at < len {
            return damaged("it is cut off, or claims to be longer than it is");
        }
        if len <= INLINE {
            let mut bytes = vec![0; len as usize];
            self.fill(&mut bytes)?;
            return Ok(Piece::Here(bytes.into()));
        }
        let piece = Piece::There(self.at, len);
        self.at += len;
        self.bytes.seek(SeekFrom::Start(self.at)).map_err(|error| format!("cannot be read: {error}"))?;
        Ok(piece)
    }

    fn line(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(line),
                byte if (line.len() as u64) < MAX_LINE => line.push(byte),
                _ => return Err("is a pickle of long lines of text; write it again with protocol 2 or higher".into()),
            }
        }
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result<T> {
        let line = self.line()?;
        let text = std::str::from_utf8(&line).ok().map(|text| text.trim().trim_end_matches('L'));
        text.and_then(|text| text.parse().ok()).map_or_else(|| damaged("a number that is none"), Ok)
    }
}

struct Machine {
    input: Input,
    values: Vec<Value>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    /// Bytes of short texts and copied lists.
    held: usize,
}

impl Machine {
    fn run(&mut self) -> Result<Id> {
        for _ in 0..MAX_STEPS {
            let code = self.input.byte()?;
            if code == b'.' {
                return self.pop();
            }
            self.step(code)?;
        }
        Err(format!("is a pickle of more than {MAX_STEPS} steps"))
    }

    fn step(&mut self, code: u8) -> Result<()> {
        match code {
            0x80 => match self.input.byte()? {
                0..=5 => Ok(()),
                other => Err(format!("is a pickle of protocol {other}, which is not known")),
            },
            // A frame's length only helps a reader that reads ahead.
            0x95 => self.input.exact::<8>().map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.up_to_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Int(1)),
            0x89 => self.push(Value::Int(0)),
            b'I' | b'L' => {
                let number = self.input.number()?;
                self.push(Value::Int(number))
            }
            b'J' => {
                let number = i32::from_le_bytes(self.input.exact()?);
                self.push(Value::Int(number.into()))
            }
            b'K' => {
                let number = self.input.byte()?;
                self.push(Value::Int(number.into()))
            }
            b'M' => {
                let number = u16::from_le_bytes(self.input.exact()?);
                self.push(Value::Int(number.into()))
            }
            0x8a | 0x8b => {
                let len =
                    if code == 0x8a { self.input.byte()?.into() } else { u32::from_le_bytes(self.input.exact()?) };
                let mut bytes = [0; 8];
                let Some(bytes) = bytes.get_mut(..len as usize) else { return damaged("a number beyond 64 bits") };
                self.input.fill(bytes)?;
                let number = int(bytes, false, true);
                self.push(Value::Int(number))
            }
            b'F' => {
                self.input.number::<f64>()?;
                self.push(Value::Float)
            }
            b'G' => {
                self.input.exact::<8>()?;
                self.push(Value::Float)
            }
            b'S' => {
                let line = self.input.line()?;
                let bytes = unquoted(&line)?;
                self.push(Value::Bytes(Piece::Here(bytes.into())))
            }
            b'V' => {
                let line = self.input.line()?;
                let text = unescaped(&line)?;
                self.push(Value::Text(Piece::Here(text.into_bytes().into())))
            }
            b'U' | b'C' | 0x8c | b'T' | b'B' | b'X' | 0x8e | 0x8d | 0x96 => {
                let len = match code {
                    b'U' | b'C' | 0x8c => self.input.byte()?.into(),
                    b'T' | b'B' | b'X' => u32::from_le_bytes(self.input.exact()?).into(),
                    _ => u64::from_le_bytes(self.input.exact()?),
                };
                let piece = self.input.piece(len)?;
                let text = matches!(code, 0x8c | b'X' | 0x8d);
                self.push(if text { Value::Text(piece) } else { Value::Bytes(piece) })
            }
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b')' => self.push(Value::Tuple(Vec::new())),
            b'l' => {
                let items = self.up_to_mark()?;
                self.push(Value::List(items))
            }
            b't' => {
                let items = self.up_to_mark()?;
                self.push(Value::Tuple(items))
            }
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let from = self.floor(count)?;
                let items = self.stack.split_off(from);
                self.push(Value::Tuple(items))
            }
            b'd' => {
                let items = self.up_to_mark()?;
                let pairs = pairs(&items)?;
                self.push(Value::Dict(pairs))
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])
            }
            b'e' => {
                let items = self.up_to_mark()?;
                self.append(&items)
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])
            }
            b'u' => {
                let items = self.up_to_mark()?;
                self.set(&items)
            }
            b'p' | b'q' | b'r' | 0x94 => {
                let key = match code {
                    b'p' => self.input.number()?,
                    b'q' => self.input.byte()?.into(),
                    b'r' => u32::from_le_bytes(self.input.exact()?).into(),
                    _ => self.memo.len() as u64,
                };
                let top = self.top()?;
                if self.memo.len() > MAX_VALUES {
                    return Err(format!("is a pickle of more than {MAX_VALUES} values"));
                }
                self.memo.insert(key, top);
                Ok(())
            }
            b'g' | b'h' | b'j' => {
                let key = match code {
                    b'g' => self.input.number()?,
                    b'h' => self.input.byte()?.into(),
                    _ => u32::from_le_bytes(self.input.exact()?).into(),
                };
                let Some(id) = self.memo.get(&key) else { return damaged("a value that was never kept") };
                self.stack.push(*id);
                Ok(())
            }
            b'c' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.name(&module, &name)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |id: Id| match &self.values[id as usize] {
                    Value::Text(Piece::Here(text)) => Some(text.to_vec()),
                    _ => None,
                };
                let (Some(module), Some(name)) = (text(module), text(name)) else {
                    return damaged("a name that is none");
                };
                self.name(&module, &name)
            }
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.call(function, arguments)
            }
            b'b' => {
                let (state, object) = (self.pop()?, self.top()?);
                self.build(object, state)
            }
            b'i' | b'o' | b'P' | b'Q' | 0x82..=0x84 | 0x92 | 0x97 | 0x98 => {
                Err("is a pickle of objects, not of plain arrays; write it again as a dict of numpy arrays and lists"
                    .into())
            }
            0x8f..=0x91 => {
                Err("is a pickle with sets in it; write it again as a dict of numpy arrays and lists".into())
            }
            other => damaged(&format!("an unknown step, {other}")),
        }
    }

    fn push(&mut self, value: Value) -> Result<()> {
        if self.values.len() == MAX_VALUES {
            return Err(format!("is a pickle of more than {MAX_VALUES} values"));
        }
        self.held += match &value {
            Value::Bytes(Piece::Here(bytes)) | Value::Text(Piece::Here(bytes)) | Value::Latin(Piece::Here(bytes)) => {
                bytes.len()
            }
            Value::Dict(pairs) => 8 * pairs.len(),
            _ => 0,
        };
        if self.held > MAX_HELD {
            return Err("is a pickle that asks for too much memory".into());
        }
        self.stack.push(self.values.len() as Id);
        self.values.push(value);
        Ok(())
    }

    /// Lowest place of the stack's last `count` values, none of them beneath the last mark.
    fn floor(&self, count: usize) -> Result<usize> {
        let mark = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count).filter(|from| *from >= mark) {
            Some(from) => Ok(from),
            None => damaged("a step without its values"),
        }
    }

    fn pop(&mut self) -> Result<Id> {
        let from = self.floor(1)?;
        Ok(self.stack.split_off(from)[0])
    }

    fn top(&self) -> Result<Id> {
        Ok(self.stack[self.floor(1)?])
    }

    fn up_to_mark(&mut self) -> Result<Vec<Id>> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => damaged("a step without its mark"),
        }
    }

    fn append(&mut self, items: &[Id]) -> Result<()> {
        let top = self.top()?;
        match &mut self.values[top as usize] {
            Value::List(list) => {
                list.extend_from_slice(items);
                Ok(())
            }
            _ => damaged("something appended to what is no list"),
        }
    }

    fn set(&mut self, items: &[Id]) -> Result<()> {
        let (top, pairs) = (self.top()?, pairs(items)?);
        match &mut self.values[top as usize] {
            Value::Dict(dict) => {
                dict.extend(pairs);
                Ok(())
            }
            _ => damaged("a key set in what is no dict"),
        }
    }

    fn name(&mut self, module: &[u8], name: &[u8]) -> Result<()> {
        // numpy moved its core in version 2.
        let known = match (module, name) {
            (b"numpy.core.multiarray" | b"numpy._core.multiarray", b"_reconstruct") => Name::Reconstruct,
            (b"numpy.core.multiarray" | b"numpy._core.multiarray", b"scalar") => Name::Scalar,
            (b"numpy.core.numeric" | b"numpy._core.numeric", b"_frombuffer") => Name::FromBuffer,
            (b"numpy", b"ndarray") => Name::NdArray,
            (b"numpy", b"dtype") => Name::DType,
            (b"_codecs", b"encode") => Name::Encode,
            (b"__builtin__" | b"builtins", b"bytes" | b"bytearray") => Name::BytesType,
            (b"__builtin__" | b"builtins", b"list") => Name::ListType,
            (b"collections", b"OrderedDict") => Name::OrderedDict,
            (b"collections", b"defaultdict") => Name::DefaultDict,
            _ => {
                let show = |bytes: &[u8]| -> String {
                    String::from_utf8_lossy(bytes).chars().take(60).flat_map(char::escape_debug).collect()
                };
                return Err(format!(
                    "is a pickle that would run {}.{}, which arrays need not: it is not read; if you trust it, write it again \
                     as a dict of numpy arrays and lists",
                    show(module),
                    show(name)
                ));
            }
        };
        self.push(Value::Name(known))
    }

    fn call(&mut self, function: Id, arguments: Id) -> Result<()> {
        let (Value::Name(name), Value::Tuple(arguments)) =
            (&self.values[function as usize], &self.values[arguments as usize])
        else {
            return damaged("a call of what is no function");
        };
        let value = |id: Option<&Id>| id.map(|id| &self.values[*id as usize]);
        let made = match (*name, &arguments[..]) {
            (Name::Reconstruct, _) => Value::Array(None),
            (Name::DType, [of, ..]) => Value::Type(self.type_named(*of)?),
            (Name::Scalar, [of, bytes]) => match (value(Some(of)), value(Some(bytes))) {
                (Some(Value::Type(of)), Some(Value::Bytes(Piece::Here(bytes)) | Value::Latin(Piece::Here(bytes))))
                    if matches!(of.kind, b'i' | b'u') && matches!(bytes.len(), 1..=16) =>
                {
                    // What was written as characters is bytes again first.
                    let latin = matches!(value(arguments.get(1)), Some(Value::Latin(_)));
                    let bytes = if latin { latin_short(bytes)? } else { bytes.to_vec() };
                    if bytes.len() != of.size {
                        return damaged("a number of another size than its type");
                    }
                    Value::Int(int(&bytes, of.big_endian, of.kind == b'i'))
                }
                (Some(Value::Type(_)), _) => Value::Float,
                _ => return damaged("a number without a type"),
            },
            (Name::FromBuffer, [data, of, shape, order, ..]) => {
                let (Some(Value::Type(of)), order) = (value(Some(of)), value(Some(order))) else {
                    return damaged("an array without a type");
                };
                let fortran = matches!(order, Some(Value::Text(Piece::Here(text))) if &text[..] == b"F");
                Value::Array(Some(Array { shape: self.shape(*shape)?, of: *of, fortran, data: *data }))
            }
            (Name::Encode, [text, ..]) => match value(Some(text)) {
                Some(Value::Text(Piece::Here(text))) => Value::Latin(Piece::Here(text.clone())),
                Some(Value::Text(Piece::There(offset, len))) => Value::Latin(Piece::There(*offset, *len)),
                _ => return damaged("an encoding of what is no text"),
            },
            (Name::BytesType, []) => Value::Bytes(Piece::Here(Box::default())),
            (Name::BytesType, [bytes, ..]) => match value(Some(bytes)) {
                Some(Value::Bytes(Piece::Here(bytes))) => Value::Bytes(Piece::Here(bytes.clone())),
                Some(Value::Bytes(Piece::There(offset, len))) => Value::Bytes(Piece::There(*offset, *len)),
                Some(Value::Text(Piece::Here(text))) => Value::Latin(Piece::Here(text.clone())),
                Some(Value::Text(Piece::There(offset, len))) => Value::Latin(Piece::There(*offset, *len)),
                _ => return damaged("bytes of what is none"),
            },
            (Name::ListType, []) => Value::List(Vec::new()),
            (Name::DefaultDict, _) | (Name::OrderedDict, []) => Value::Dict(Vec::new()),
            (Name::OrderedDict, [list, ..]) => {
                let Some(Value::List(items)) = value(Some(list)) else { return damaged("a dict of what is no list") };
                let pair = |id: &Id| match &self.values[*id as usize] {
                    Value::List(pair) | Value::Tuple(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
                    _ => damaged("a dict of what is no pairs"),
                };
                Value::Dict(items.iter().map(pair).collect::<Result<_>>()?)
            }
            _ => return damaged("a call without its arguments"),
        };
        self.push(made)
    }

    /// `u1`, `<i8`, `|b1`: numpy's names of types.
    fn type_named(&self, id: Id) -> Result<Type> {
        let (Value::Text(Piece::Here(name)) | Value::Bytes(Piece::Here(name))) = &self.values[id as usize] else {
            return Err("holds arrays of records or objects; write them as plain numbers".into());
        };
        let (big_endian, name) = match &name[..] {
            [b'>', rest @ ..] => (true, rest),
            [b'<' | b'|' | b'=', rest @ ..] => (false, rest),
            all => (false, all),
        };
        let size = name.get(1..).and_then(|size| std::str::from_utf8(size).ok()?.parse().ok()).unwrap_or(0);
        let kind = name.first().copied().unwrap_or(b'O');
        Ok(Type { kind, size, big_endian })
    }

    fn shape(&self, id: Id) -> Result<Vec<usize>> {
        let Value::Tuple(sides) = &self.values[id as usize] else { return damaged("an array without a shape") };
        if sides.len() > 8 {
            return damaged("an array of more than eight dimensions");
        }
        let side = |id: &Id| match &self.values[*id as usize] {
            Value::Int(side) => usize::try_from(*side).or_else(|_| damaged("an array of negative size")),
            _ => damaged("an array without a shape"),
        };
        sides.iter().map(side).collect()
    }

    fn build(&mut self, object: Id, state: Id) -> Result<()> {
        let made = match (&self.values[object as usize], &self.values[state as usize]) {
            (Value::Array(None), Value::Tuple(state)) => {
                // The version comes first, but for those that numpy wrote before it had one.
                let from = usize::from(state.len() == 5);
                let [shape, of, fortran, data] = state[from..] else { return damaged("an array without contents") };
                let Value::Type(of) = self.values[of as usize] else { return damaged("an array without a type") };
                let fortran = matches!(self.values[fortran as usize], Value::Int(1..));
                Value::Array(Some(Array { shape: self.shape(shape)?, of, fortran, data }))
            }
            (Value::Type(of), Value::Tuple(state)) => {
                let order = state.get(1).map(|id| &self.values[*id as usize]);
                let big_endian = match order {
                    Some(Value::Text(Piece::Here(order)) | Value::Bytes(Piece::Here(order))) => &order[..] == b">",
                    _ => false,
                };
                Value::Type(Type { big_endian, ..*of })
            }
            // What a dict of a subclass carries beside its items.
            (Value::Dict(_), _) => return Ok(()),
            _ => return damaged("a state of what has none"),
        };
        self.values[object as usize] = made;
        Ok(())
    }
}

fn latin_short(text: &[u8]) -> Result<Vec<u8>> {
    latin(text, text.len())
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    if items.len() % 2 == 1 {
        return damaged("a key without a value");
    }
    Ok(items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

/// Bytes as Python 2 writes them in text: in quotes, with escapes.
fn unquoted(line: &[u8]) -> Result<Vec<u8>> {
    let line = line.trim_ascii();
    let [open @ (b'\'' | b'"'), body @ .., close] = line else { return damaged("a text without quotes") };
    if open != close {
        return damaged("a text without quotes");
    }
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'x') => {
                let digits = [rest.next().unwrap_or(b' '), rest.next().unwrap_or(b' ')];
                let digits = digits.map(|digit| (digit as char).to_digit(16));
                let [Some(high), Some(low)] = digits else { return damaged("a text with a broken escape") };
                (high * 16 + low) as u8
            }
            Some(byte @ (b'\\' | b'\'' | b'"')) => byte,
            _ => return damaged("a text with a broken escape"),
        });
    }
    Ok(bytes)
}

/// A text as the text protocol writes it: Latin-1, others as `\uXXXX`.
fn unescaped(line: &[u8]) -> Result<String> {
    let text: String = line.iter().map(|byte| char::from(*byte)).collect();
    let mut out = String::new();
    let mut rest = &text[..];
    while let Some(at) = rest.find("\\u") {
        out += &rest[..at];
        let code = rest.get(at + 2..at + 6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(c) = code.and_then(char::from_u32) else { return damaged("a text with a broken escape") };
        out.push(c);
        rest = &rest[at + 6..];
    }
    Ok(out + rest)
}

#[cfg(test)]
mod tests;
