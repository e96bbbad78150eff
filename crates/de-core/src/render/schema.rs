//! What an edit may hold, as tables. Follows <https://shotstack.io/docs/api/#tocs_edit>.
//!
//! Left out are assets that the vendor makes from a prompt, shapes and drawings: they cost more than the film's
//! length says. How text is styled inside of `font`, `background` and their kin is the vendor's to check.

use super::merge::{LONGEST_NAME, MOST_PAIRS};

/// What a value may be.
#[derive(Debug)]
pub(super) enum Kind {
    /// A public address, a place that `merge` fills, or another clip by its alias.
    Address,
    /// Any scalar.
    Any,
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number or, over time, a list of such steps.
    Course(f64, f64),
    /// An object whose members are the vendor's to check.
    Free,
    Integer(f64, f64),
    /// A list of so many.
    List(&'static Kind, usize, usize),
    Number(f64, f64),
    Object(&'static [Field]),
    /// One of these numbers.
    Rate(&'static [f64]),
    /// Seconds, or one of these words.
    Seconds(&'static [&'static str]),
    /// An object whose member `type` says which.
    Tagged(&'static [(&'static str, &'static [Field])]),
    /// Text of at most so many characters.
    Text(usize),
    Transition,
}

/// A member of an object.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) is_required: bool,
    pub(super) kind: Kind,
    pub(super) name: &'static str,
}

const fn required(name: &'static str, kind: Kind) -> Field {
    Field { is_required: true, kind, name }
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { is_required: false, kind, name }
}

/// A day: no film of ours is longer.
pub(super) const LONGEST_SECONDS: f64 = 86_400.0;

/// The most clips of all tracks together.
pub(super) const MOST_CLIPS: usize = 1_000;

const WORD: Kind = Kind::Text(200);
const NAME: Kind = Kind::Text(LONGEST_NAME);
const WORDS: Kind = Kind::Text(5_000);
const PAGE: Kind = Kind::Text(100_000);
const SIDE: Kind = Kind::Integer(1.0, 4_096.0);
const SHARE: Kind = Kind::Number(0.0, 1.0);
const SECONDS: Kind = Kind::Seconds(&[]);
const SOURCE: Field = required("src", Kind::Address);
const TRIM: Field = optional("trim", SECONDS);
const SPEED: Field = optional("speed", Kind::Number(0.0, 10.0));
const VOLUME: Field = optional("volume", Kind::Course(0.0, 1.0));
const FADES: Kind = Kind::Choice(&["none", "fadeIn", "fadeOut", "fadeInFadeOut"]);
const PLACE: Kind = Kind::Choice(&[
    "center",
    "top",
    "topRight",
    "right",
    "bottomRight",
    "bottom",
    "bottomLeft",
    "left",
    "topLeft",
]);
const CROP: Field = optional(
    "crop",
    Kind::Object(&[
        optional("bottom", SHARE),
        optional("left", SHARE),
        optional("right", SHARE),
        optional("top", SHARE),
    ]),
);
const OFFSET: Field = optional(
    "offset",
    Kind::Object(&[
        optional("x", Kind::Course(-10.0, 10.0)),
        optional("y", Kind::Course(-10.0, 10.0)),
    ]),
);

const AUDIO: &[Field] = &[SOURCE, TRIM, VOLUME, SPEED, optional("effect", FADES)];

const CAPTION: &[Field] = &[
    SOURCE,
    TRIM,
    SPEED,
    optional("background", Kind::Free),
    optional("font", Kind::Free),
    optional("margin", Kind::Free),
];

const HTML: &[Field] = &[
    required("html", PAGE),
    optional("background", WORD),
    optional("css", PAGE),
    optional("height", SIDE),
    optional("position", PLACE),
    optional("width", SIDE),
];

const TEXT: &[Field] = &[
    required("text", WORDS),
    optional("alignment", Kind::Free),
    optional("animation", Kind::Free),
    optional("background", Kind::Free),
    optional("ellipsis", WORD),
    optional("font", Kind::Free),
    optional("height", SIDE),
    optional("stroke", Kind::Free),
    optional("width", SIDE),
];

const TITLE: &[Field] = &[
    required("text", WORDS),
    optional("background", WORD),
    optional("color", WORD),
    OFFSET,
    optional("position", PLACE),
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

const VIDEO: &[Field] = &[
    SOURCE,
    TRIM,
    VOLUME,
    SPEED,
    CROP,
    optional("chromaKey", Kind::Free),
    optional("transcode", Kind::Bool),
    optional("volumeEffect", FADES),
];

const ASSET: Kind = Kind::Tagged(&[
    ("audio", AUDIO),
    ("caption", CAPTION),
    ("html", HTML),
    ("image", &[SOURCE, CROP]),
    ("luma", &[SOURCE, TRIM]),
    ("text", TEXT),
    ("title", TITLE),
    ("video", VIDEO),
]);

const EFFECTS: Kind = Kind::Choice(&[
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

/// How a clip comes or goes; each but `none` and `zoom` also with `Slow` or `Fast` at its end.
pub(super) const TRANSITIONS: &[&str] = &[
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
    required("start", Kind::Seconds(&["auto"])),
    required("length", Kind::Seconds(&["auto", "end"])),
    optional("alias", WORD),
    optional("effect", EFFECTS),
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
    OFFSET,
    optional("opacity", Kind::Course(0.0, 1.0)),
    optional("position", PLACE),
    optional("scale", Kind::Course(0.0, 100.0)),
    optional("transform", Kind::Free),
    optional(
        "transition",
        Kind::Object(&[optional("in", Kind::Transition), optional("out", Kind::Transition)]),
    ),
    optional("width", SIDE),
]);

const TRACK: Kind = Kind::Object(&[required("clips", Kind::List(&CLIP, 1, MOST_CLIPS))]);

const TIMELINE: Kind = Kind::Object(&[
    required("tracks", Kind::List(&TRACK, 1, 100)),
    optional("background", WORD),
    optional("cache", Kind::Bool),
    optional("fonts", Kind::List(&Kind::Object(&[SOURCE]), 0, 50)),
    optional("soundtrack", Kind::Object(&[SOURCE, VOLUME, optional("effect", FADES)])),
]);

/// What becomes of it. Pictures have no length, sound has no size. The vendor's `bmp` is not among them, as we
/// keep none.
pub(super) const FORMATS: &[&str] = &["mp4", "gif", "mp3", "jpg", "png"];

/// Sizes by name; `720` is `hd`, `480` is a size of its own.
pub(super) const RESOLUTIONS: &[&str] =
    &["preview", "mobile", "sd", "hd", "1080", "4k", "720", "480"];

const OUTPUT: Kind = Kind::Object(&[
    required("format", Kind::Choice(FORMATS)),
    optional("aspectRatio", Kind::Choice(&["16:9", "9:16", "1:1", "4:5", "4:3"])),
    optional("destinations", Kind::List(&Kind::Free, 0, 10)),
    optional(
        "fps",
        Kind::Rate(&[12.0, 15.0, 23.976, 24.0, 25.0, 29.97, 30.0, 48.0, 50.0, 59.94, 60.0]),
    ),
    optional("mute", Kind::Bool),
    optional("poster", Kind::Object(&[required("capture", SECONDS)])),
    optional("quality", Kind::Choice(&["verylow", "low", "medium", "high", "veryhigh"])),
    optional("range", Kind::Object(&[optional("start", SECONDS), optional("length", SECONDS)])),
    optional("repeat", Kind::Bool),
    optional("resolution", Kind::Choice(RESOLUTIONS)),
    optional("scaleTo", Kind::Choice(&["preview", "mobile", "sd", "hd", "1080", "4k"])),
    optional("size", Kind::Object(&[required("width", SIDE), required("height", SIDE)])),
    optional("thumbnail", Kind::Object(&[required("capture", SECONDS), required("scale", SHARE)])),
]);

/// A whole edit.
pub(super) const EDIT: &[Field] = &[
    required("timeline", TIMELINE),
    required("output", OUTPUT),
    optional(
        "merge",
        Kind::List(
            &Kind::Object(&[required("find", NAME), required("replace", Kind::Any)]),
            0,
            MOST_PAIRS,
        ),
    ),
];
