//! `POST /render/callbacks/{token}`: a vendor says that something has become of an order.
//!
//! Nobody signs that, so it is not believed: whoever knows the path makes the job ask its vendor a little
//! earlier. The body is not read.

use de_core::{
    http::{
        context::Context,
        error::{ApiError, Code},
        extract::PathText,
    },
    jobs::callback,
    ports::Platform,
};
use http::StatusCode;

/// Makes a job look at once at what it waits for. One that is over, or gone, is left as it is.
pub(crate) async fn hear(
    platform: Platform,
    PathText(token): PathText,
    context: Context,
) -> Result<StatusCode, ApiError> {
    let job = callback::job(&platform.settings, &token)
        .ok_or_else(|| ApiError::new(Code::NotFound, "there is no such callback"))?;
    context.note(|line| line.job_id = Some(job.as_str().to_owned()));
    if let Err(err) = platform.jobs.nudge(&job).await {
        // The job asks by itself a little later.
        context.note(|line| line.cause = Some(err.to_string()));
    }
    Ok(StatusCode::NO_CONTENT)
}
