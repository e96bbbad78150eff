//! The pages: files that the platform serves by itself.

/// A page that is deployed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Page {
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// The distance of its port on the dev stack from the first one.
    pub dev_port: u16,
    /// The label of its host below a deployment's domain.
    pub label: &'static str,
    /// The name of its folder and of its config.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
}

/// All pages, in the order of their ports.
pub const PAGES: &[Page] = &[
    Page {
        about: "Tenants, keys, providers, models, limits and calls, worked on by hand.",
        dev_port: 1,
        label: "admin",
        name: "admin-panel",
        title: "Admin panel",
    },
    Page {
        about: "What calls come to, how they go, and what is left of limits.",
        dev_port: 2,
        label: "monitoring",
        name: "monitoring",
        title: "Monitoring",
    },
    Page {
        about: "Models of pictures tried by hand, side by side.",
        dev_port: 3,
        label: "testing",
        name: "image-testing",
        title: "Image testing",
    },
    Page {
        about: "Models of text tried by hand, side by side.",
        dev_port: 4,
        label: "text-testing",
        name: "text-testing",
        title: "Text testing",
    },
];
