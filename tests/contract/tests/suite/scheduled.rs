//! What the config worker does every minute. What that is, is tried beside its code; here, that it runs.

use de_contract::stack::Stack;

#[tokio::test]
async fn the_work_of_the_minute_runs_on_the_real_stack() {
    let stack = Stack::ready().await;
    // In process there is no runtime that could call it.
    if stack.is_real {
        stack.minute().await;
    }
}
