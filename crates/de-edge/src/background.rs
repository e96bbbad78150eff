//! Work after the answer, by `waitUntil`.

use std::{future::Future, sync::Arc};

use de_core::ports::Background;
use futures_util::future::BoxFuture;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;
use worker::{Context, ScheduleContext, State, send::SendWrapper};

#[wasm_bindgen]
extern "C" {
    /// The state of an object, as far as work in the background needs it.
    #[derive(Clone)]
    pub(crate) type ObjectState;

    #[wasm_bindgen(method, js_name = waitUntil)]
    fn wait_until(this: &ObjectState, promise: &js_sys::Promise);
}

/// What the runtime called us for, and goes on for: a request, a time that has come, an object's event.
#[derive(Clone)]
pub(crate) enum Occasion {
    /// `fetch`.
    Request(Arc<Context>),
    /// An event of a Durable Object.
    Object(SendWrapper<ObjectState>),
    /// `scheduled`.
    Schedule(SendWrapper<ScheduleContext>),
}

impl Occasion {
    /// An event of the object with this state.
    pub(crate) fn object(state: &State) -> Self {
        let state: &JsValue = state.as_raw().as_ref();
        Self::Object(SendWrapper::new(state.clone().unchecked_into()))
    }

    /// Keeps the runtime waiting for this work.
    pub(crate) fn wait_until(&self, work: impl Future<Output = ()> + 'static) {
        match self {
            Self::Request(context) => context.wait_until(work),
            Self::Object(state) => state.wait_until(&future_to_promise(async move {
                work.await;
                Ok(JsValue::UNDEFINED)
            })),
            Self::Schedule(context) => context.wait_until(work),
        }
    }
}

pub(crate) struct EdgeBackground(pub(crate) Occasion);

impl Background for EdgeBackground {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.wait_until(work);
    }
}
