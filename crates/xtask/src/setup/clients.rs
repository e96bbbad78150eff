//! The vendors' own SDKs, which `tests/clients` asks the gateway with: Node modules beside the suites, Python
//! packages in an environment of their own in the cache folder. Only tests need them.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::layout::Layout;
use crate::say;
use crate::setup::node;
use crate::setup::python::{self, Packages};

/// What the Python packages are, to who reads a message.
pub(crate) const TITLE: &str = "the SDKs for Python";

/// What the suites of clients run with.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    /// What becomes of `docs/compatibility.md`: the suite's word for it.
    pub(crate) page: &'static str,
    /// The Python that has the SDKs; without one the suite skips what needs it, and says so.
    pub(crate) python: Option<PathBuf>,
}

impl Clients {
    /// Installs what is missing, for a run that decides: the page is checked, and Python must be there.
    ///
    /// # Errors
    /// `Missing` without a Python; else what failed.
    pub(crate) fn for_ci(layout: &Layout) -> Result<Self, Failure> {
        node::install(layout, &folder(layout))?;
        Ok(Self { page: "check", python: Some(python(layout)?) })
    }

    /// Installs what is missing, for a person: the page is written, and a machine may lack Python.
    ///
    /// # Errors
    /// What failed, but for a Python that is not there.
    pub(crate) fn for_a_person(layout: &Layout) -> Result<Self, Failure> {
        node::install(layout, &folder(layout))?;
        let python = match python(layout) {
            Ok(python) => Some(python),
            Err(failure @ Failure::Missing { .. }) => {
                say::line(&format!("the SDKs for Python are not tried: {failure}"));
                None
            }
            Err(failure) => return Err(failure),
        };
        Ok(Self { page: "write", python })
    }
}

/// Where the suites are.
pub(crate) fn folder(layout: &Layout) -> PathBuf {
    layout.root.join("tests/clients")
}

/// The Python that has the packages of `requirements.txt`.
fn python(layout: &Layout) -> Result<PathBuf, Failure> {
    let requirements = folder(layout).join("python/requirements.txt");
    python::environment(
        layout,
        Packages { name: "clients-python", requirements: &requirements, title: TITLE },
    )
}
