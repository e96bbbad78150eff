//! The runtime's streams, as far as `web-sys` does not know them.

use js_sys::{Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::{ReadableStream, WritableStream};

#[wasm_bindgen]
extern "C" {
    /// A pipe of the platform's own: bytes in on one side, out on the other, and none are kept.
    pub(crate) type IdentityTransformStream;

    #[wasm_bindgen(constructor, catch)]
    pub(crate) fn new() -> Result<IdentityTransformStream, JsValue>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn readable(this: &IdentityTransformStream) -> ReadableStream;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn writable(this: &IdentityTransformStream) -> WritableStream;

    type Readable;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &Readable, how: &Object) -> Result<ByteReader, JsValue>;

    #[wasm_bindgen(method, catch, js_name = pipeTo)]
    fn pipe_to(this: &Readable, to: &WritableStream, options: &Object) -> Result<Promise, JsValue>;

    /// A reader that fills the memory which it is given.
    pub(crate) type ByteReader;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn cancel(this: &ByteReader) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = read)]
    fn read_into(this: &ByteReader, view: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = read)]
    fn read_with(
        this: &ByteReader,
        view: &Uint8Array,
        options: &Object,
    ) -> Result<Promise, JsValue>;

    /// What a read resolves with.
    type Read;

    #[wasm_bindgen(method, getter)]
    fn done(this: &Read) -> bool;

    #[wasm_bindgen(method, getter)]
    fn value(this: &Read) -> Uint8Array;
}

impl ByteReader {
    /// A reader of a stream that nobody else reads.
    pub(crate) fn of(stream: &ReadableStream) -> Result<Self, JsValue> {
        let how = Object::new();
        Reflect::set(&how, &"mode".into(), &"byob".into())?;
        stream.unchecked_ref::<Readable>().get_reader(&how)
    }

    /// Resolves with what there is, as soon as there is something.
    pub(crate) fn read(&self, view: &View) -> Result<Promise, JsValue> {
        self.read_into(&view.0)
    }

    /// Resolves when the view is full, or with the end of the stream.
    pub(crate) fn fill(&self, view: &View) -> Result<Promise, JsValue> {
        let options = Object::new();
        Reflect::set(&options, &"min".into(), &view.0.length().into())?;
        self.read_with(&view.0, &options)
    }
}

/// The memory that a stream is read into: as much as the stream fills.
///
/// A read that waits holds all of it, and a stream waits nearly always. With 64 KiB for each, a thousand streams
/// that bring a word at a time would hold half of an isolate.
pub(crate) struct View(Uint8Array);

impl View {
    const LEAST_BYTES: u32 = 4_096;
    const MOST_BYTES: u32 = 65_536;
    /// How much larger or smaller the next one is.
    const STEP: u32 = 4;

    /// A view for a stream that has not shown anything yet.
    pub(crate) fn new() -> Self {
        Self(Uint8Array::new_with_length(Self::LEAST_BYTES))
    }

    /// Makes ready for the next read. A read has detached the view, and its memory came back with the block.
    /// Returns whether the block was full, so that more waits behind it.
    pub(crate) fn take_back(&mut self, block: &Uint8Array) -> bool {
        let memory = block.buffer();
        let (size, filled) = (memory.byte_length(), block.byte_length());
        let full = filled >= size;
        let next = if full {
            size.saturating_mul(Self::STEP).min(Self::MOST_BYTES)
        } else if filled < size / (Self::STEP * Self::STEP) {
            (size / Self::STEP).max(Self::LEAST_BYTES)
        } else {
            size
        };
        self.0 =
            if next == size { Uint8Array::new(&memory) } else { Uint8Array::new_with_length(next) };
        full
    }
}

/// The bytes that a read brought, or `None` at the end.
pub(crate) fn block(read: JsValue) -> Option<Uint8Array> {
    let read: Read = read.unchecked_into();
    (!read.done()).then(|| read.value())
}

/// Lets the platform move all bytes from one stream to another; the promise tells how that ended.
pub(crate) fn pipe(
    from: &ReadableStream,
    to: &WritableStream,
    options: &Object,
) -> Result<Promise, JsValue> {
    from.unchecked_ref::<Readable>().pipe_to(to, options)
}
