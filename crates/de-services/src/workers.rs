//! The workers: wasm, with code of ours.

/// A worker that is deployed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Worker {
    /// What it does, in a sentence.
    pub about: &'static str,
    /// What its wasm may weigh after gzip, in KiB. The platform takes 3 MiB of any account.
    pub budget_kib: u32,
    /// The name of its folder, of its config and of its native paths. Its package and script are `de-<name>`.
    pub name: &'static str,
    /// Who calls it, and how.
    pub reach: Reach,
    /// What a key needs for most of its routes; none where routes say it one by one, or nobody calls.
    pub scope: Option<&'static str>,
    /// The workers whose objects it is bound to, which have to be there before it. The front door is bound to all.
    pub stands_on: &'static [&'static str],
    /// What people call it.
    pub title: &'static str,
}

/// Who calls a worker, and how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Callers, behind the front door or on a host of its own.
    Called {
        /// The distance of its own host's port on the dev stack from the first one.
        dev_port: u16,
        /// What the front door forwards as it came: each path stands for itself and all below it. What begins with
        /// the worker's name is forwarded without that.
        paths: &'static [&'static str],
    },
    /// Everybody: what is for no other worker is its own.
    FrontDoor {
        /// The label of its host below a deployment's domain.
        label: &'static str,
    },
    /// Other workers alone, by their bindings. It takes no keys of callers, and opens none of vendors.
    Inside,
}

impl Worker {
    /// Whether callers' keys come to it.
    #[must_use]
    pub fn takes_keys(&self) -> bool {
        self.reach != Reach::Inside
    }

    /// Whether it is the front door.
    #[must_use]
    pub fn is_front_door(&self) -> bool {
        matches!(self.reach, Reach::FrontDoor { .. })
    }

    /// What the front door forwards to it as it came.
    #[must_use]
    pub fn paths(&self) -> &'static [&'static str] {
        match self.reach {
            Reach::Called { paths, .. } => paths,
            Reach::FrontDoor { .. } | Reach::Inside => &[],
        }
    }

    /// The distance of its port on the dev stack from the first one; none for one that nobody calls.
    #[must_use]
    pub fn dev_port(&self) -> Option<u16> {
        match self.reach {
            Reach::Called { dev_port, .. } => Some(dev_port),
            Reach::FrontDoor { .. } => Some(0),
            Reach::Inside => None,
        }
    }

    /// Whether another one has to be deployed before it.
    #[must_use]
    pub fn comes_after(&self, other: &Self) -> bool {
        match self.is_front_door() {
            true => self != other,
            false => self.stands_on.contains(&other.name),
        }
    }
}

/// All workers, in the order of lists that people read.
///
/// The control plane has some ninety operations and carries their description. Each has a copy of what is generic in
/// axum, and `opt-level = "z"` with `-Oz` takes off no more than a fiftieth of it. The renderer runs the jobs of every
/// modality, and so has every vendor's protocol. The Limiter carries the world's time zones, a quarter of what it
/// weighs. Every worker has every vendor's protocol, since a model's row may name any; the text worker speaks four
/// with callers beside.
pub const WORKERS: &[Worker] = &[
    Worker {
        about: "The front door, and the control plane: tenants, keys, providers, models, usage.",
        budget_kib: 2112,
        name: "config",
        reach: Reach::FrontDoor { label: "api" },
        scope: None,
        stands_on: &["rate-limiter"],
        title: "Front door and control plane",
    },
    Worker {
        about: "Chat, messages, responses and vectors, in the protocols of OpenAI and Anthropic and our own.",
        budget_kib: 1536,
        name: "text",
        reach: Reach::Called {
            dev_port: 10,
            paths: &[
                "/v1/capabilities",
                "/v1/chat",
                "/v1/embeddings",
                "/v1/messages",
                "/v1/models",
                "/v1/responses",
            ],
        },
        scope: Some("text"),
        stands_on: &["rate-limiter"],
        title: "Text",
    },
    Worker {
        about: "Pictures, made and edited.",
        budget_kib: 1280,
        name: "image",
        reach: Reach::Called { dev_port: 11, paths: &["/v1/images"] },
        scope: Some("image"),
        stands_on: &["rate-limiter", "render"],
        title: "Pictures",
    },
    Worker {
        about: "Speech, voices and transcripts.",
        budget_kib: 1408,
        name: "audio",
        reach: Reach::Called {
            dev_port: 12,
            paths: &["/v1/audio", "/v1/text-to-speech", "/v1/voices", "/v2/voices"],
        },
        scope: Some("audio"),
        stands_on: &["rate-limiter", "render"],
        title: "Sound",
    },
    Worker {
        about: "Stock photographs and footage, searched and taken over.",
        budget_kib: 1344,
        name: "stock-media",
        reach: Reach::Called { dev_port: 13, paths: &[] },
        scope: Some("stock"),
        stands_on: &["rate-limiter"],
        title: "Stock media",
    },
    Worker {
        about: "Films; the jobs of every modality, and the assets that they make.",
        budget_kib: 1536,
        name: "render",
        reach: Reach::Called { dev_port: 14, paths: &["/assets", "/v1/assets", "/v1/jobs"] },
        scope: Some("render"),
        stands_on: &["rate-limiter"],
        title: "Films, jobs and assets",
    },
    // mark: workers. `cargo xtask new-worker` writes above this line.
    Worker {
        about: "Limits, budgets, and receipts on their way to the database.",
        budget_kib: 1280,
        name: "rate-limiter",
        reach: Reach::Inside,
        scope: None,
        stands_on: &[],
        title: "Limiter",
    },
];

/// Finds a worker by its name.
#[must_use]
pub fn worker(name: &str) -> Option<&'static Worker> {
    WORKERS.iter().find(|worker| worker.name == name)
}

/// The workers in an order in which each finds what it is bound to: the Limiter first, the front door last.
///
/// A deployment goes this way, a roll-back the other way.
#[must_use]
pub fn order_of_deployment() -> Vec<&'static Worker> {
    let mut left: Vec<&Worker> = WORKERS.iter().collect();
    let mut order = Vec::with_capacity(left.len());
    while let Some(next) =
        left.iter().position(|worker| !left.iter().any(|other| worker.comes_after(other)))
    {
        order.push(left.remove(next));
    }
    // None, unless two stand on each other.
    order.extend(left);
    order
}

/// The name under which a worker is bound as a service: `stock-media` as `STOCK_MEDIA`.
#[must_use]
pub fn binding(worker: &str) -> String {
    worker.to_ascii_uppercase().replace('-', "_")
}
