//! Traffic that goes on while something changes.

use std::cell::{Cell, RefCell};

use futures_util::future::{join, join_all};
use tokio::sync::mpsc;

use crate::{answer::Answer, call::Call, wait::unique};

/// How many callers there are at once.
const CALLERS: usize = 6;
/// How many answers each of them has before anything changes.
const BEFORE: usize = 3;
/// How many calls each of them begins once the change has answered.
const AFTER: usize = 4;

/// One call of the traffic.
#[derive(Debug)]
pub struct Passed {
    /// What came of it.
    pub answer: Answer,
    /// Whether it began after the change had answered.
    pub is_late: bool,
    /// A word of its prompt, that no other call has.
    pub word: String,
}

/// Calls without a pause, from several callers, before, during and after a change. `call` makes one of a
/// prompt.
///
/// It ends when each caller has begun some calls after the change had answered, and all are answered.
///
/// # Panics
/// If a call has no answer.
pub async fn during<'a>(
    call: impl Fn(&str) -> Call<'a>,
    change: impl AsyncFnOnce(),
) -> Vec<Passed> {
    let beginning = unique("traffic");
    let has_answered = Cell::new(false);
    let all = RefCell::new(Vec::new());
    let (tell, mut heard) = mpsc::unbounded_channel();
    let caller = async |caller: usize| {
        let (mut count, mut late) = (0, 0);
        while late < AFTER {
            let word = format!("{beginning}-{caller}-{count:06}");
            let is_late = has_answered.get();
            let answer = call(&word).send().await;
            all.borrow_mut().push(Passed { answer, is_late, word });
            // The ear outlives the callers, though nobody listens once the change is being made.
            tell.send(caller).expect("it is heard");
            count += 1;
            late += usize::from(is_late);
        }
    };
    let changer = async {
        let mut answers = [0; CALLERS];
        while answers.iter().any(|count| *count < BEFORE) {
            answers[heard.recv().await.expect("the callers go on")] += 1;
        }
        change().await;
        has_answered.set(true);
    };
    join(changer, join_all((0..CALLERS).map(&caller))).await;
    let all = all.into_inner();
    let late = all.iter().filter(|call| call.is_late).count();
    assert_eq!(late, CALLERS * AFTER);
    assert!(all.len() >= late + CALLERS * BEFORE);
    all
}
