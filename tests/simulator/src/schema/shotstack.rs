//! The request for a render at Shotstack. Follows <https://shotstack.io/docs/api/>.
//!
//! Out of scope: assets that are generated from a prompt, shapes and drawings.

use crate::schema::{Field, Kind, OBJECT, TEXT, optional, required};

const MANY: usize = usize::MAX;
const ANY_NUMBER: Kind = Kind::Number(f64::MIN, f64::MAX);
const SECONDS: Kind = Kind::Number(0.0, f64::MAX);
const SOURCE: Field = required("src", Kind::Text(1, MANY));
const TRIM: Field = optional("trim", SECONDS);
const SPEED: Field = optional("speed", Kind::Number(0.0, 10.0));
/// A number, or how it changes.
const VOLUME: Field =
    optional("volume", Kind::Either(&[Kind::Number(0.0, 1.0), Kind::List(&OBJECT, 1, MANY)]));
const FADES: Kind = Kind::Choice(&["none", "fadeIn", "fadeOut", "fadeInFadeOut"]);
const POSITION: Kind = Kind::Choice(&[
    "top",
    "topRight",
    "right",
    "bottomRight",
    "bottom",
    "bottomLeft",
    "left",
    "topLeft",
    "center",
]);
const SIDE: Kind = Kind::Integer(1, 4_096);
const SHIFT: Kind = Kind::Either(&[Kind::Number(-10.0, 10.0), Kind::List(&OBJECT, 1, MANY)]);
const OFFSET: Kind = Kind::Object(&[optional("x", SHIFT), optional("y", SHIFT)]);
const CROP: Kind = Kind::Object(&[
    optional("bottom", Kind::Number(0.0, 1.0)),
    optional("left", Kind::Number(0.0, 1.0)),
    optional("right", Kind::Number(0.0, 1.0)),
    optional("top", Kind::Number(0.0, 1.0)),
]);

const TITLE: &[Field] = &[
    required("text", TEXT),
    optional("background", TEXT),
    optional("color", TEXT),
    optional("offset", OFFSET),
    optional("position", POSITION),
    optional(
        "size",
        Kind::Choice(&["xx-small", "x-small", "small", "medium", "large", "x-large", "xx-large"]),
    ),
    optional(
        "style",
        Kind::Choice(&[
            "minimal",
            "blockbuster",
            "vogue",
            "sketchy",
            "skinny",
            "chunk",
            "chunkLight",
            "marker",
            "future",
            "subtitle",
        ]),
    ),
];

const STYLED: &[Field] = &[
    required("text", TEXT),
    optional("alignment", OBJECT),
    optional("animation", OBJECT),
    optional("background", OBJECT),
    optional("ellipsis", TEXT),
    optional("font", OBJECT),
    optional("height", SIDE),
    optional("stroke", OBJECT),
    optional("width", SIDE),
];

const ASSET: Kind = Kind::Tagged(
    "type",
    &[
        (
            "video",
            &[
                SOURCE,
                TRIM,
                VOLUME,
                SPEED,
                optional("chromaKey", OBJECT),
                optional("crop", CROP),
                optional("transcode", Kind::Bool),
                optional("volumeEffect", FADES),
            ],
        ),
        ("image", &[SOURCE, optional("crop", CROP)]),
        ("audio", &[SOURCE, TRIM, VOLUME, SPEED, optional("effect", FADES)]),
        ("luma", &[SOURCE, TRIM]),
        (
            "caption",
            &[
                SOURCE,
                TRIM,
                SPEED,
                optional("background", OBJECT),
                optional("font", OBJECT),
                optional("margin", OBJECT),
            ],
        ),
        ("title", TITLE),
        ("text", STYLED),
        (
            "html",
            &[
                required("html", TEXT),
                optional("background", TEXT),
                optional("css", TEXT),
                optional("height", SIDE),
                optional("position", POSITION),
                optional("width", SIDE),
            ],
        ),
    ],
);

const EFFECT: Kind = Kind::Choice(&[
    "zoomIn",
    "zoomInSlow",
    "zoomInFast",
    "zoomOut",
    "zoomOutSlow",
    "zoomOutFast",
    "slideLeft",
    "slideLeftSlow",
    "slideLeftFast",
    "slideRight",
    "slideRightSlow",
    "slideRightFast",
    "slideUp",
    "slideUpSlow",
    "slideUpFast",
    "slideDown",
    "slideDownSlow",
    "slideDownFast",
]);

/// What a clip may begin or end with; any but the first and the last also with `Slow` or `Fast`.
pub(crate) const TRANSITIONS: &[&str] = &[
    "none",
    "fade",
    "reveal",
    "wipeLeft",
    "wipeRight",
    "slideLeft",
    "slideRight",
    "slideUp",
    "slideDown",
    "carouselLeft",
    "carouselRight",
    "carouselUp",
    "carouselDown",
    "shuffleTopRight",
    "shuffleRightTop",
    "shuffleRightBottom",
    "shuffleBottomRight",
    "shuffleBottomLeft",
    "shuffleLeftBottom",
    "shuffleLeftTop",
    "shuffleTopLeft",
    "zoom",
];

const CLIP: Kind = Kind::Object(&[
    required("asset", ASSET),
    required("length", Kind::Either(&[SECONDS, Kind::Choice(&["auto", "end"])])),
    required("start", Kind::Either(&[SECONDS, Kind::Choice(&["auto"])])),
    optional("alias", TEXT),
    optional("effect", EFFECT),
    optional(
        "filter",
        Kind::Choice(&[
            "none",
            "blur",
            "boost",
            "contrast",
            "darken",
            "greyscale",
            "lighten",
            "muted",
            "negative",
        ]),
    ),
    optional("fit", Kind::Choice(&["crop", "cover", "contain", "none"])),
    optional("height", SIDE),
    optional("offset", OFFSET),
    optional("opacity", Kind::Either(&[Kind::Number(0.0, 1.0), Kind::List(&OBJECT, 1, MANY)])),
    optional("position", POSITION),
    optional("scale", Kind::Either(&[SECONDS, Kind::List(&OBJECT, 1, MANY)])),
    optional("transform", OBJECT),
    optional("transition", Kind::Object(&[optional("in", TEXT), optional("out", TEXT)])),
    optional("width", SIDE),
]);

const TRACK: Kind = Kind::Object(&[required("clips", Kind::List(&CLIP, 1, MANY))]);

const TIMELINE: Kind = Kind::Object(&[
    required("tracks", Kind::List(&TRACK, 1, MANY)),
    optional("background", TEXT),
    optional("cache", Kind::Bool),
    optional("fonts", Kind::List(&Kind::Object(&[SOURCE]), 0, MANY)),
    optional("soundtrack", Kind::Object(&[SOURCE, VOLUME, optional("effect", FADES)])),
]);

const RESOLUTION: Kind = Kind::Choice(&["preview", "mobile", "sd", "hd", "1080", "4k"]);
const CAPTURE: Kind = Kind::Object(&[required("capture", SECONDS)]);

const OUTPUT: Kind = Kind::Object(&[
    required("format", Kind::Choice(&["mp4", "gif", "mp3", "jpg", "png", "bmp"])),
    optional("aspectRatio", Kind::Choice(&["16:9", "9:16", "1:1", "4:5", "4:3"])),
    optional("destinations", Kind::List(&OBJECT, 0, MANY)),
    optional("fps", ANY_NUMBER),
    optional("mute", Kind::Bool),
    optional("poster", CAPTURE),
    optional("quality", Kind::Choice(&["verylow", "low", "medium", "high", "veryhigh"])),
    optional("range", Kind::Object(&[optional("length", SECONDS), optional("start", SECONDS)])),
    optional("repeat", Kind::Bool),
    optional("resolution", RESOLUTION),
    optional("scaleTo", RESOLUTION),
    optional("size", Kind::Object(&[optional("height", SIDE), optional("width", SIDE)])),
    optional(
        "thumbnail",
        Kind::Object(&[required("capture", SECONDS), required("scale", Kind::Number(0.0, 1.0))]),
    ),
]);

/// The frame rates that there are.
pub(crate) const RATES: [f64; 11] =
    [12.0, 15.0, 23.976, 24.0, 25.0, 29.97, 30.0, 48.0, 50.0, 59.94, 60.0];

/// `POST /render`.
pub(crate) const RENDER: &[Field] = &[
    required("timeline", TIMELINE),
    required("output", OUTPUT),
    optional("callback", TEXT),
    optional(
        "merge",
        Kind::List(
            &Kind::Object(&[required("find", TEXT), required("replace", Kind::Any)]),
            0,
            MANY,
        ),
    ),
];
