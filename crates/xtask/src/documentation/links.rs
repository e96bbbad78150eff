use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Tag, TagEnd};

use super::{Page, page, pages, root};

/// Where the links of a page lead, as they are written, those to other sites left out.
fn links(page: &Page) -> Vec<String> {
    let targets = page.events().filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some(dest_url.into_string())
        }
        _ => None,
    });
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// The anchors that GitHub gives to the headings of a page.
fn anchors(page: &Page) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in page.events() {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let anchor = anchor(&heading.take().unwrap_or_default());
                let count = seen.entry(anchor.clone()).or_default();
                anchors.insert(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
                *count += 1;
            }
            _ => {}
        }
    }
    anchors
}

/// Lower case, a dash for each space, and nothing but letters, digits, dashes and underscores.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter_map(|letter| match letter {
        ' ' | '-' => Some('-'),
        '_' => Some('_'),
        letter if letter.is_alphanumeric() => Some(letter),
        _ => None,
    });
    kept.collect()
}

/// A path without `.` and `..`, so that it is the name of a page.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::ParentDir if plain.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(plain)
}

/// What is wrong with a link of a page, if anything is.
fn fault(
    from: &Page,
    target: &str,
    anchors: &BTreeMap<String, BTreeSet<String>>,
) -> Option<String> {
    let (path, fragment) = match target.split_once('#') {
        Some((path, fragment)) => (path, Some(fragment)),
        None => (target, None),
    };
    let place = if path.is_empty() {
        PathBuf::from(&from.name)
    } else {
        let folder = Path::new(&from.name).parent()?;
        match plain(&folder.join(path)) {
            Some(place) => place,
            None => return Some(format!("{}: {target} leads out of the repository", from.name)),
        }
    };
    if !path.is_empty() && !root().join(&place).exists() {
        return Some(format!("{}: {target} is not there", from.name));
    }
    let fragment = fragment?;
    let known = anchors.get(&place.to_string_lossy().replace('\\', "/"));
    let is_known = known.is_some_and(|known| known.contains(fragment));
    (!is_known).then(|| format!("{}: {target} names a heading that is not there", from.name))
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let pages = pages();
    let anchors: BTreeMap<_, _> =
        pages.iter().map(|page| (page.name.clone(), anchors(page))).collect();
    let mut count = 0;
    let mut faults = Vec::new();
    for page in &pages {
        for target in links(page) {
            count += 1;
            faults.extend(fault(page, &target, &anchors));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 100, "only {count} links were found");
}

#[test]
fn the_index_names_every_page() {
    let linked: BTreeSet<_> = links(&page("docs/README.md")).into_iter().collect();
    let missing: Vec<_> = pages()
        .into_iter()
        .filter_map(|page| page.name.strip_prefix("docs/").map(str::to_owned))
        .filter(|name| name != "README.md" && !linked.contains(name))
        .collect();
    assert!(missing.is_empty(), "docs/README.md does not name {}", missing.join(", "));
}

#[test]
fn faults_are_found() {
    let page = Page {
        name: "docs/one.md".to_owned(),
        text: "# One\n\n## It's `all` - 2 of_them!\n\n## One\n\n[a](two.md)".to_owned(),
    };
    assert_eq!(links(&page), ["two.md"]);
    let found = anchors(&page);
    assert_eq!(found.iter().collect::<Vec<_>>(), ["its-all---2-of_them", "one", "one-1"]);
    let known = BTreeMap::from([(page.name.clone(), found)]);
    let check = |target: &str| fault(&page, target, &known);
    assert_eq!(check("#one-1"), None);
    assert_eq!(check("#two"), Some("docs/one.md: #two names a heading that is not there".into()));
    assert_eq!(check("../README.md"), None);
    assert_eq!(check("none.md"), Some("docs/one.md: none.md is not there".into()));
    assert_eq!(check("../../x"), Some("docs/one.md: ../../x leads out of the repository".into()));
}
