//! What `fal-ai/flux/dev` takes.
//!
//! Follows <https://fal.ai/models/fal-ai/flux/dev/api>.

use crate::schema::{Field, Kind, TEXT, optional, required};

const SIDE: Kind = Kind::Integer(1, 14_142);

/// The input, which is the whole body.
pub(crate) const FLUX: &[Field] = &[
    required("prompt", TEXT),
    optional("acceleration", Kind::Choice(&["none", "regular", "high"])),
    optional("enable_safety_checker", Kind::Bool),
    optional("guidance_scale", Kind::Number(1.0, 20.0)),
    optional(
        "image_size",
        Kind::Either(&[
            Kind::Choice(&[
                "square_hd",
                "square",
                "portrait_4_3",
                "portrait_16_9",
                "landscape_4_3",
                "landscape_16_9",
            ]),
            Kind::Object(&[optional("height", SIDE), optional("width", SIDE)]),
        ]),
    ),
    optional("num_images", Kind::Integer(1, 4)),
    optional("num_inference_steps", Kind::Integer(1, 50)),
    optional("output_format", Kind::Choice(&["jpeg", "png"])),
    optional("seed", Kind::Integer(0, i64::MAX)),
    optional("sync_mode", Kind::Bool),
];
