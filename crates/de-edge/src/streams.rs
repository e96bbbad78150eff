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

    /// Resolves with what there is, as soon as there is something.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn read(this: &ByteReader, view: &Uint8Array) -> Result<Promise, JsValue>;

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

    /// Resolves when the view is full, or with the end of the stream.
    pub(crate) fn fill(&self, view: &Uint8Array) -> Result<Promise, JsValue> {
        let options = Object::new();
        Reflect::set(&options, &"min".into(), &view.length().into())?;
        self.read_with(view, &options)
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
