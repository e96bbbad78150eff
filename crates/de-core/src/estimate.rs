//! About how many tokens a text has: for calls whose vendor names no counts.
//!
//! There is no vocabulary. A text is read once, byte by byte, as runs: words of a script, digits, signs, white
//! space. What stands in the runs is counted ([`Feature`]), and each count weighs so many tokens ([`WEIGHTS`]).
//! The weights are fitted to OpenAI's `o200k_base` by `tests/tokens`, on texts that are not those of the test.
//!
//! On texts that the fit has not seen, the median error is 5 %. The worst of a text is 6 % for English prose, 10 %
//! for code, JSON, numbers, Markdown and addresses, 27 % for other languages, 40 % for Bengali; a token for each four
//! bytes is off by half for numbers and by more than 100 % for Hindi. `docs/cost-estimates.md` has the table, and
//! `tests/estimate.rs` holds it. Older vocabularies take two to five times as many tokens for scripts other than Latin:
//! for those, this is too little.

/// A text that is being counted. It may come in pieces, cut anywhere: the estimate is that of the whole.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// How many of the last words had accents, of [`WHOLE`], by what the accents tell.
    accented: [u16; 3],
    /// Bytes that were read.
    bytes: u64,
    counts: [u32; FEATURES],
    /// How much kana there was of late beside ideographs, of [`WHOLE`].
    kana: u16,
    pending: Pending,
    run: Run,
}

/// How many features there are.
pub(crate) const FEATURES: usize = Feature::WordsSpaced as usize + 1;

/// What shares are told in.
const WHOLE: u16 = 4_096;

/// What is counted in a text. `Letters` are those beyond the ones that a word has anyway.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Feature {
    ArabicLetters,
    ArabicWords,
    /// Runs of more than one blank.
    Blanks,
    BlanksBeforeDigits,
    CapitalLetters,
    CapitalWords,
    CjkSigns,
    CyrillicLetters,
    CyrillicWords,
    DevanagariLetters,
    DevanagariWords,
    /// Three digits, or the rest of them.
    DigitGroups,
    Emoji,
    EmojiJoints,
    EmojiRepeated,
    /// Letters of words that no language has.
    Endless,
    GreekLetters,
    GreekWords,
    HanLetters,
    HanLettersJapanese,
    HangulLetters,
    HangulWords,
    HebrewLetters,
    HebrewWords,
    IndicLetters,
    IndicWords,
    KanaLetters,
    /// Ends of lines that follow no sign: a sign takes them along.
    Lines,
    Long,
    NordicLettersAccented,
    NordicWords,
    NordicWordsAccented,
    OtherLetters,
    Rare,
    RomanceWords,
    RomanceWordsAccented,
    SignsBeforeLetters,
    SignsBetween,
    SignsEnding,
    SignsMore,
    SignsSeveral,
    SlavicLetters,
    SlavicLettersAccented,
    SlavicWords,
    SlavicWordsAccented,
    ThaiLetters,
    WideSigns,
    WideSignsRepeated,
    WordsGlued,
    WordsSpaced,
}

/// Thousandths of a token for one of each feature, in their order.
///
/// Those of capitals, Hangul, accented words and signs before letters were evened out by hand after the fit, and those
/// of endless words, repeated wide signs and rare characters are set: the corpus has too few of them.
pub(crate) const WEIGHTS: [(Feature, u16); FEATURES] = [
    (Feature::ArabicLetters, 85),
    (Feature::ArabicWords, 1498),
    (Feature::Blanks, 236),
    (Feature::BlanksBeforeDigits, 1000),
    (Feature::CapitalLetters, 220),
    (Feature::CapitalWords, 850),
    (Feature::CjkSigns, 1527),
    (Feature::CyrillicLetters, 87),
    (Feature::CyrillicWords, 1520),
    (Feature::DevanagariLetters, 140),
    (Feature::DevanagariWords, 916),
    (Feature::DigitGroups, 1000),
    (Feature::Emoji, 1461),
    (Feature::EmojiJoints, 681),
    (Feature::EmojiRepeated, 1562),
    (Feature::Endless, 300),
    (Feature::GreekLetters, 160),
    (Feature::GreekWords, 1850),
    (Feature::HanLetters, 735),
    (Feature::HanLettersJapanese, 1128),
    (Feature::HangulLetters, 750),
    (Feature::HangulWords, 750),
    (Feature::HebrewLetters, 493),
    (Feature::HebrewWords, 728),
    (Feature::IndicLetters, 151),
    (Feature::IndicWords, 1397),
    (Feature::KanaLetters, 485),
    (Feature::Lines, 985),
    (Feature::Long, 176),
    (Feature::NordicLettersAccented, 380),
    (Feature::NordicWords, 1525),
    (Feature::NordicWordsAccented, 700),
    (Feature::OtherLetters, 381),
    (Feature::Rare, 3000),
    (Feature::RomanceWords, 1363),
    (Feature::RomanceWordsAccented, 649),
    (Feature::SignsBeforeLetters, 1450),
    (Feature::SignsBetween, 897),
    (Feature::SignsEnding, 1086),
    (Feature::SignsMore, 292),
    (Feature::SignsSeveral, 877),
    (Feature::SlavicLetters, 535),
    (Feature::SlavicLettersAccented, 100),
    (Feature::SlavicWords, 1185),
    (Feature::SlavicWordsAccented, 1950),
    (Feature::ThaiLetters, 417),
    (Feature::WideSigns, 500),
    (Feature::WideSignsRepeated, 300),
    (Feature::WordsGlued, 1020),
    (Feature::WordsSpaced, 990),
];

/// Characters that are counted together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Group {
    /// Signs of East Asian writing.
    CjkSigns,
    Digits,
    /// Emoji and what joins them.
    Emoji,
    /// Signs of ASCII.
    Signs,
    /// Blanks and ends of lines.
    Space,
    #[default]
    Start,
    /// Signs beyond ASCII.
    WideSigns,
    Word(Script),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Script {
    Arabic,
    Cyrillic,
    Devanagari,
    Greek,
    Han,
    Hangul,
    Hebrew,
    /// Those of India but Devanagari.
    Indic,
    Kana,
    Latin,
    /// Letters of other living scripts.
    Other,
    /// Whatever a vocabulary has no tokens for, so that it takes each byte.
    Rare,
    Thai,
}

/// What the accents of a word tell of its language.
#[derive(Clone, Copy, Debug)]
enum Tongue {
    /// German too.
    Nordic,
    Romance,
    /// And all others.
    Slavic,
}

/// A character of which bytes are still to come.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    code: u32,
    /// Bytes that are still to come.
    left: u8,
}

/// The run that is open.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    /// What stood before it.
    before: Group,
    /// Blanks since the last end of a line.
    blanks: u32,
    group: Group,
    /// Whether a small letter of ASCII is its last character.
    is_small: bool,
    last: char,
    length: u32,
    lines: u32,
    /// Characters like the one before.
    repeated: u32,
    /// Whether a blank stood before it: a word takes it along.
    spaced: bool,
    /// What its last accent tells.
    tongue: Option<Tongue>,
    uppers: u32,
}

impl Default for Estimate {
    fn default() -> Self {
        Self {
            accented: [0; 3],
            bytes: 0,
            counts: [0; FEATURES],
            kana: 0,
            pending: Pending::default(),
            run: Run::default(),
        }
    }
}

impl Estimate {
    /// Reads a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut estimate = Self::default();
        estimate.push(text.as_bytes());
        estimate
    }

    /// Reads on: UTF-8, which may be cut within a character. What is no UTF-8 counts as signs.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        for byte in bytes {
            // Most of most texts, and nothing else happens: a small letter after another.
            if byte.is_ascii_lowercase() && self.run.is_small && self.pending.left == 0 {
                self.run.length = self.run.length.saturating_add(1);
            } else {
                self.byte(*byte);
            }
        }
    }

    /// Ends a text: what is read from here on is another one, in the same sum.
    pub fn part(&mut self) {
        if self.pending.left > 0 {
            self.pending.left = 0;
            self.character(char::REPLACEMENT_CHARACTER);
        }
        self.end(Group::Start);
    }

    /// About how many tokens there are in all that was read: one at least for a text that is not empty, and one
    /// at most for each byte.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let counts = self.counts();
        let thousandths: u64 = counts
            .iter()
            .zip(WEIGHTS)
            .map(|(count, (_, weight))| u64::from(*count) * u64::from(weight))
            .sum();
        (thousandths.saturating_add(500) / 1_000).max(1).min(self.bytes)
    }

    /// The features, as if the text ended here.
    pub(crate) fn counts(&self) -> [u32; FEATURES] {
        let mut whole = self.clone();
        whole.part();
        whole.counts
    }

    fn byte(&mut self, byte: u8) {
        if self.pending.left > 0 {
            if byte & 0xC0 == 0x80 {
                self.pending.code = self.pending.code << 6 | u32::from(byte & 0x3F);
                self.pending.left -= 1;
                if self.pending.left == 0 {
                    let read = char::from_u32(self.pending.code);
                    self.character(read.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                return;
            }
            self.pending.left = 0;
            self.character(char::REPLACEMENT_CHARACTER);
        }
        let (left, code) = match byte {
            0..0x80 => return self.character(char::from(byte)),
            0xC2..0xE0 => (1, byte & 0x1F),
            0xE0..0xF0 => (2, byte & 0x0F),
            0xF0..0xF5 => (3, byte & 0x07),
            _ => return self.character(char::REPLACEMENT_CHARACTER),
        };
        self.pending = Pending { code: u32::from(code), left };
    }

    fn character(&mut self, character: char) {
        let group = group(character);
        let is_upper = character.is_ascii_uppercase();
        let is_latin = group == Group::Word(Script::Latin);
        // A capital after a small letter begins a word: `camelCase`.
        let is_hump = is_upper && self.run.length > self.run.uppers;
        let is_small = is_latin && !is_upper;
        if group != self.run.group || (is_latin && is_hump) {
            self.end(group);
        } else if is_small && self.run.uppers > 1 && self.run.uppers == self.run.length {
            // The last of several capitals belongs to the small letter after it: `HTTPServer`.
            self.run.length -= 1;
            self.run.uppers -= 1;
            self.end(group);
            self.run.length = 1;
            self.run.uppers = 1;
        }
        let run = &mut self.run;
        let add = |count: &mut u32, more: bool| *count = count.saturating_add(u32::from(more));
        add(&mut run.repeated, run.length > 0 && character == run.last);
        add(&mut run.length, true);
        add(&mut run.uppers, is_upper);
        if matches!(character, '\n' | '\r') {
            add(&mut run.lines, true);
            run.blanks = 0;
        } else if group == Group::Space {
            add(&mut run.blanks, true);
        } else if is_latin && !character.is_ascii() {
            run.tongue = Some(tongue(character));
        }
        run.last = character;
        run.is_small = character.is_ascii_lowercase();
        if is_joint(character) {
            self.count(Feature::EmojiJoints, 1);
        }
    }

    fn count(&mut self, feature: Feature, count: u32) {
        if let Some(place) = self.counts.get_mut(feature as usize) {
            *place = place.saturating_add(count);
        }
    }

    /// Counts the run that is open, and opens one of `next`.
    fn end(&mut self, next: Group) {
        let run = self.run;
        let changing = run.length.saturating_sub(run.repeated);
        match run.group {
            Group::CjkSigns => self.count(Feature::CjkSigns, run.length),
            Group::Digits => self.count(Feature::DigitGroups, run.length.div_ceil(3)),
            Group::Emoji => {
                self.count(Feature::Emoji, changing);
                self.count(Feature::EmojiRepeated, run.repeated);
            }
            Group::Signs => self.signs(&run, next),
            Group::Space => self.space(&run, next),
            Group::Start => {}
            Group::WideSigns => {
                self.count(Feature::WideSigns, changing);
                self.count(Feature::WideSignsRepeated, run.repeated);
            }
            Group::Word(Script::Latin) => self.latin(&run),
            Group::Word(script) => self.word(&run, script),
        }
        let spaced = run.group == Group::Space && run.blanks > 0;
        self.run = Run { before: run.group, group: next, spaced, ..Run::default() };
    }

    fn signs(&mut self, run: &Run, next: Group) {
        if run.length > 1 {
            // A rule such as `------` is one token, up to some length.
            self.count(Feature::SignsSeveral, 1 + run.repeated / 32);
            let more = run.length.saturating_sub(run.repeated).saturating_sub(2);
            return self.count(Feature::SignsMore, more);
        }
        let is_in_word = matches!(run.before, Group::Digits | Group::Word(_));
        match next {
            // It goes with the letters: `snake_case`.
            Group::Word(_) if run.last == '_' => {}
            Group::Digits | Group::Word(_) if is_in_word => self.count(Feature::SignsBetween, 1),
            Group::Word(_) => self.count(Feature::SignsBeforeLetters, 1),
            _ => self.count(Feature::SignsEnding, 1),
        }
    }

    fn space(&mut self, run: &Run, next: Group) {
        let is_taken = matches!(run.before, Group::CjkSigns | Group::Signs | Group::WideSigns);
        if run.lines > 0 {
            self.count(Feature::Lines, u32::from(!is_taken) + run.lines / 16);
        }
        if run.blanks > 1 {
            self.count(Feature::Blanks, 1 + run.blanks / 32);
        }
        if run.blanks > 0 && next == Group::Digits {
            self.count(Feature::BlanksBeforeDigits, 1);
        }
    }

    /// A word of a script but Latin. Each has so many letters that cost nothing beside the word.
    fn word(&mut self, run: &Run, script: Script) {
        let (words, letters, free) = match script {
            Script::Arabic => (Some(Feature::ArabicWords), Feature::ArabicLetters, 3),
            Script::Cyrillic => (Some(Feature::CyrillicWords), Feature::CyrillicLetters, 5),
            Script::Devanagari => (Some(Feature::DevanagariWords), Feature::DevanagariLetters, 0),
            Script::Greek => (Some(Feature::GreekWords), Feature::GreekLetters, 3),
            Script::Han if self.kana > WHOLE / 8 => (None, Feature::HanLettersJapanese, 0),
            Script::Han => (None, Feature::HanLetters, 0),
            Script::Hangul => (Some(Feature::HangulWords), Feature::HangulLetters, 1),
            Script::Hebrew => (Some(Feature::HebrewWords), Feature::HebrewLetters, 2),
            Script::Indic => (Some(Feature::IndicWords), Feature::IndicLetters, 0),
            Script::Kana => (None, Feature::KanaLetters, 0),
            Script::Latin => return,
            Script::Other => (None, Feature::OtherLetters, 0),
            Script::Rare => (None, Feature::Rare, 0),
            Script::Thai => (None, Feature::ThaiLetters, 0),
        };
        if let Some(words) = words {
            self.count(words, 1);
        }
        self.count(letters, run.length.saturating_sub(free));
        match script {
            Script::Han => self.kana -= self.kana / 16,
            Script::Kana => self.kana += WHOLE.saturating_sub(self.kana) / 4,
            _ => {}
        }
    }

    /// A word of Latin letters. English ones are mostly one token; the words around tell whether it is English.
    fn latin(&mut self, run: &Run) {
        let beyond = |letters| run.length.saturating_sub(letters);
        if run.uppers > 1 && run.tongue.is_none() {
            self.count(Feature::CapitalWords, 1);
            return self.count(Feature::CapitalLetters, beyond(2));
        }
        let [nordic, romance, slavic] = self.accented;
        let most = nordic.max(romance).max(slavic);
        let is_accented = run.tongue.is_some();
        if !is_accented && most < WHOLE / 32 {
            self.count(if run.spaced { Feature::WordsSpaced } else { Feature::WordsGlued }, 1);
            self.count(Feature::Long, beyond(7));
            return self.move_on(None);
        }
        let tongue = match run.tongue {
            // The first accent of a text goes by itself.
            Some(tongue) if most == 0 => tongue,
            _ if most == slavic => Tongue::Slavic,
            _ if most == romance => Tongue::Romance,
            _ => Tongue::Nordic,
        };
        match (tongue, is_accented) {
            (Tongue::Nordic, false) => self.count(Feature::NordicWords, 1),
            (Tongue::Nordic, true) => {
                self.count(Feature::NordicWordsAccented, 1);
                self.count(Feature::NordicLettersAccented, beyond(6));
            }
            (Tongue::Romance, false) => self.count(Feature::RomanceWords, 1),
            (Tongue::Romance, true) => self.count(Feature::RomanceWordsAccented, 1),
            (Tongue::Slavic, false) => {
                self.count(Feature::SlavicWords, 1);
                self.count(Feature::SlavicLetters, beyond(4));
            }
            (Tongue::Slavic, true) => {
                self.count(Feature::SlavicWordsAccented, 1);
                self.count(Feature::SlavicLettersAccented, beyond(4));
            }
        }
        self.count(Feature::Endless, beyond(24));
        self.move_on(run.tongue);
    }

    /// Moves the shares of accents on by a word.
    fn move_on(&mut self, tongue: Option<Tongue>) {
        for share in &mut self.accented {
            *share -= *share / 32;
        }
        if let Some(share) = tongue.and_then(|tongue| self.accented.get_mut(tongue as usize)) {
            *share += WHOLE.saturating_sub(*share) / 16;
        }
    }
}

/// Skin tones, variants and the joiner: they change the emoji before them.
fn is_joint(character: char) -> bool {
    matches!(u32::from(character),
        0x200D | 0xFE00..=0xFE0F | 0x1F3FB..=0x1F3FF | 0xE0000..=0xE01FF)
}

fn tongue(accent: char) -> Tongue {
    match accent {
        'ä' | 'ö' | 'ü' | 'ß' | 'å' | 'ø' | 'æ' | 'Ä' | 'Ö' | 'Ü' | 'Å' | 'Ø' | 'Æ' => {
            Tongue::Nordic
        }
        '\u{C0}'..='\u{FF}' => Tongue::Romance,
        _ => Tongue::Slavic,
    }
}

/// The group of a character, by the blocks of Unicode: the rare exceptions within a block do not matter here.
fn group(character: char) -> Group {
    if is_joint(character) {
        return Group::Emoji;
    }
    match u32::from(character) {
        0x09..=0x0D | 0x20 => Group::Space,
        0x30..=0x39 => Group::Digits,
        0x41..=0x5A | 0x61..=0x7A => Group::Word(Script::Latin),
        0x00..=0x7F => Group::Signs,
        0x80..=0xBF | 0x60C | 0x61B | 0x61F | 0x964 | 0x965 | 0xFFFD => Group::WideSigns,
        0xC0..=0x24F | 0x300..=0x36F | 0x1E00..=0x1EFF => Group::Word(Script::Latin),
        0x370..=0x3FF | 0x1F00..=0x1FFF => Group::Word(Script::Greek),
        0x400..=0x52F => Group::Word(Script::Cyrillic),
        0x590..=0x5FF => Group::Word(Script::Hebrew),
        0x600..=0x6FF | 0x750..=0x77F | 0x8A0..=0x8FF | 0xFB50..=0xFDFF | 0xFE70..=0xFEFC => {
            Group::Word(Script::Arabic)
        }
        0x900..=0x97F => Group::Word(Script::Devanagari),
        0x980..=0xDFF => Group::Word(Script::Indic),
        0xE00..=0xE7F => Group::Word(Script::Thai),
        0x1100..=0x11FF | 0x3130..=0x318F | 0xAC00..=0xD7AF => Group::Word(Script::Hangul),
        0x250..=0x2FF | 0x530..=0x58F | 0xE80..=0x10FF | 0x1200..=0x1DFF => {
            Group::Word(Script::Other)
        }
        0x2600..=0x27BF | 0x2B50..=0x2B55 | 0x1F000..=0x1FAFF => Group::Emoji,
        0x2000..=0x2BFF => Group::WideSigns,
        0x3000..=0x303F
        | 0x30FB
        | 0xFF00..=0xFF0F
        | 0xFF1A..=0xFF20
        | 0xFF3B..=0xFF40
        | 0xFF5B..=0xFF65 => Group::CjkSigns,
        0x3040..=0x30FF | 0xFF66..=0xFF9F => Group::Word(Script::Kana),
        0x3400..=0x9FFF | 0xF900..=0xFAFF => Group::Word(Script::Han),
        _ => Group::Word(Script::Rare),
    }
}
