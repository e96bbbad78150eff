//! What the simulated libraries of stock media hold: 400 pictures and 240 videos, the same in every run.
//!
//! Subject, scene, color, shape and size go round with different periods, so that every filter keeps
//! some and drops some. A query finds what has one of its words; words that nothing has do not count,
//! a query of such words finds everything, and the word `nothing` finds nothing.

use crate::faults;

/// How many pictures there are.
const PICTURES: usize = 400;

/// How many videos there are.
const VIDEOS: usize = 240;

/// Subjects, and the category in which each is filed.
pub(crate) const SUBJECTS: [(&str, &str); 20] = [
    ("texture", "backgrounds"),
    ("dress", "fashion"),
    ("sea", "nature"),
    ("laboratory", "science"),
    ("book", "education"),
    ("smile", "feelings"),
    ("heart", "health"),
    ("woman", "people"),
    ("church", "religion"),
    ("mountain", "places"),
    ("cat", "animals"),
    ("factory", "industry"),
    ("laptop", "computer"),
    ("coffee", "food"),
    ("football", "sports"),
    ("car", "transportation"),
    ("beach", "travel"),
    ("house", "buildings"),
    ("office", "business"),
    ("guitar", "music"),
];

const SCENES: [&str; 7] = ["sunset", "morning", "night", "winter", "summer", "rain", "city"];

/// Colors and what each is on the screen.
pub(crate) const COLORS: [(&str, &str); 12] = [
    ("red", "#C03028"),
    ("orange", "#E08030"),
    ("yellow", "#E0C830"),
    ("green", "#388048"),
    ("turquoise", "#30A8A0"),
    ("blue", "#336699"),
    ("violet", "#704890"),
    ("pink", "#E088A8"),
    ("brown", "#785038"),
    ("black", "#181818"),
    ("gray", "#808080"),
    ("white", "#F0F0F0"),
];

const PICTURE_SIZES: [(u32, u32); 6] = [
    (6_000, 4_000),
    (5_400, 3_600),
    (4_200, 3_000),
    (3_000, 2_000),
    (2_400, 1_800),
    (1_600, 1_200),
];

const VIDEO_SIZES: [(u32, u32); 3] = [(3_840, 2_160), (1_920, 1_080), (1_280, 720)];

const AUTHORS: [&str; 6] =
    ["Ana Reis", "Bo Lind", "Chidi Obi", "Dora Weiss", "Emil Novak", "Fumi Sato"];

/// Something that can be found.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) author: &'static str,
    pub(crate) author_id: usize,
    pub(crate) category: &'static str,
    pub(crate) color: &'static str,
    pub(crate) height: u32,
    pub(crate) hex: &'static str,
    /// Counts from 0.
    pub(crate) number: usize,
    pub(crate) scene: &'static str,
    /// How long a video lasts.
    pub(crate) seconds: u64,
    pub(crate) subject: &'static str,
    pub(crate) width: u32,
}

/// Wider than high, higher than wide, or neither.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    Landscape,
    Portrait,
    Square,
}

/// What a query looks for.
pub(crate) struct Wanted {
    nothing: bool,
    words: Vec<String>,
}

/// All pictures.
pub(crate) fn pictures() -> impl Iterator<Item = Item> {
    (0..PICTURES).map(|number| Item::new(number, &PICTURE_SIZES))
}

/// All videos.
pub(crate) fn videos() -> impl Iterator<Item = Item> {
    (0..VIDEOS).map(|number| Item::new(number, &VIDEO_SIZES))
}

impl Wanted {
    /// Reads a query; the words of faults are none of its own.
    pub(crate) fn new(query: &str) -> Self {
        let words = faults::words(query).filter(|word| !faults::is_fault(word));
        let words: Vec<String> = words.map(str::to_lowercase).collect();
        let nothing = words.iter().any(|word| word == "nothing");
        Self { nothing, words: words.into_iter().filter(|word| is_known(word)).collect() }
    }

    /// Whether the query finds it.
    pub(crate) fn finds(&self, item: &Item) -> bool {
        let has = |word: &String| [item.subject, item.scene, item.color].contains(&word.as_str());
        !self.nothing && (self.words.is_empty() || self.words.iter().any(has))
    }
}

impl Item {
    fn new(number: usize, sizes: &[(u32, u32)]) -> Self {
        let (subject, category) = turn(&SUBJECTS, number);
        let (color, hex) = turn(&COLORS, number * 5 / 3);
        let (long, short) = turn(sizes, number / 3);
        let (width, height) = match number % 3 {
            0 => (long, short),
            1 => (short, long),
            _ => (long, long),
        };
        Self {
            author: turn(&AUTHORS, number / 2),
            author_id: 900 + number / 2 % AUTHORS.len(),
            category,
            color,
            height,
            hex,
            number,
            scene: turn(&SCENES, number),
            seconds: 5 + number as u64 * 7 % 56,
            subject,
            width,
        }
    }

    pub(crate) fn shape(&self) -> Shape {
        match self.width.cmp(&self.height) {
            std::cmp::Ordering::Greater => Shape::Landscape,
            std::cmp::Ordering::Less => Shape::Portrait,
            std::cmp::Ordering::Equal => Shape::Square,
        }
    }

    /// `Red sea at sunset`.
    pub(crate) fn title(&self) -> String {
        let title = format!("{} {} at {}", self.color, self.subject, self.scene);
        let first: String = title.chars().take(1).flat_map(char::to_uppercase).collect();
        first + title.get(1..).unwrap_or_default()
    }

    /// Width and height within these bounds, in the same shape, and not enlarged.
    pub(crate) fn fitted(&self, width: u32, height: u32) -> (u32, u32) {
        let (wide, high) = (f64::from(self.width), f64::from(self.height));
        let share = (f64::from(width) / wide).min(f64::from(height) / high).min(1.0);
        ((wide * share).round() as u32, (high * share).round() as u32)
    }

    /// Width and height when the longer side has so many pixels, if it is not shorter already.
    pub(crate) fn scaled(&self, longest: u32) -> (u32, u32) {
        let most = self.width.max(self.height);
        let to = longest.min(most);
        (self.width * to / most, self.height * to / most)
    }
}

fn is_known(word: &str) -> bool {
    SUBJECTS.iter().any(|(subject, _)| *subject == word)
        || COLORS.iter().any(|(color, _)| *color == word)
        || SCENES.contains(&word)
}

fn turn<T: Copy + Default>(values: &[T], index: usize) -> T {
    values.get(index % values.len().max(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{COLORS, Shape, Wanted, pictures, videos};

    #[test]
    fn queries_find_what_has_their_words() {
        let found = |query: &str| pictures().filter(|item| Wanted::new(query).finds(item)).count();
        assert_eq!(found("sea"), 20);
        assert_eq!(found("Sea photo-fail:503"), 20);
        assert_eq!(found("quarks"), 400);
        assert_eq!(found(""), 400);
        assert_eq!(found("sea nothing"), 0);
        assert!(found("sea beach") == 40 && found("sunset") > 50);
    }

    #[test]
    fn every_shape_size_and_color_is_there() {
        for shape in [Shape::Landscape, Shape::Portrait, Shape::Square] {
            assert!(pictures().filter(|item| item.shape() == shape).count() > 100);
            assert!(videos().filter(|item| item.shape() == shape).count() > 50);
        }
        for (color, _) in COLORS {
            assert!(pictures().any(|item| item.color == color), "{color}");
        }
        let first = pictures().next().unwrap();
        assert_eq!(first.fitted(940, 650), (940, 627));
        assert_eq!(first.fitted(9_000, 9_000), (6_000, 4_000));
        assert_eq!(
            (first.title().as_str(), first.scaled(600)),
            ("Red texture at sunset", (600, 400))
        );
    }
}
