//! Tells when the client goes away, by the request's `AbortSignal`: before its answer has begun, and while a relayed
//! one is under way. A worker behind a service binding is told as well (tried on workerd 1.20261117).
//!
//! Needs the compatibility flag `enable_request_signal`.

use std::{cell::RefCell, rc::Rc};

use async_trait::async_trait;
use de_core::ports::Signal;
use futures_channel::oneshot;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{AbortSignal, Request};
use worker::send::{SendFuture, SendWrapper};

/// The signal of a request; a run that nobody asked for has none.
#[derive(Clone)]
pub(crate) struct EdgeDeparture(Option<SendWrapper<AbortSignal>>);

impl EdgeDeparture {
    /// The departure of whoever sent this request.
    pub(crate) fn of(request: &Request) -> Self {
        Self(Some(SendWrapper::new(request.signal())))
    }

    /// Nobody is there who could leave.
    pub(crate) fn never() -> Self {
        Self(None)
    }
}

#[async_trait]
impl Signal for EdgeDeparture {
    async fn fired(&self) {
        let Some(signal) = self.0.clone() else { return std::future::pending().await };
        SendFuture::new(async move {
            if signal.aborted() {
                return;
            }
            let (tell, told) = oneshot::channel();
            let tell = Rc::new(RefCell::new(Some(tell)));
            let listener = Closure::<dyn FnMut()>::new(move || {
                if let Some(tell) = tell.borrow_mut().take() {
                    // Nobody waits any more: then nobody needs to know.
                    tell.send(()).unwrap_or_default();
                }
            });
            let function = listener.as_ref().unchecked_ref();
            if signal.add_event_listener_with_callback("abort", function).is_err() {
                return std::future::pending().await;
            }
            let guard = Listening { function: function.clone(), signal: signal.clone() };
            let fired = told.await.is_ok();
            drop(guard);
            if !fired {
                std::future::pending::<()>().await;
            }
        })
        .await;
    }
}

/// Takes the listener off when the wait is given up: the closure dies with the future.
struct Listening {
    function: js_sys::Function,
    signal: SendWrapper<AbortSignal>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        // A listener that cannot be removed is never called: its closure throws, harmlessly.
        drop(self.signal.remove_event_listener_with_callback("abort", &self.function));
    }
}
