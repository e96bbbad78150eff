//! What every row has to be.

use std::collections::BTreeSet;

use crate::{PAGES, Reach, WORKERS, binding, order_of_deployment, worker};

#[test]
fn no_two_have_the_same_name_port_label_or_path() {
    let mut names = BTreeSet::new();
    let mut ports = BTreeSet::new();
    let mut labels = BTreeSet::new();
    let mut paths = BTreeSet::new();
    for worker in WORKERS {
        assert!(names.insert(worker.name), "{} is there twice", worker.name);
        if let Some(port) = worker.dev_port() {
            assert!(ports.insert(port), "{}: port {port} is another's", worker.name);
        }
        if let Reach::FrontDoor { label } = worker.reach {
            assert!(labels.insert(label), "{}: host {label} is another's", worker.name);
        }
        for path in worker.paths() {
            assert!(paths.insert(path), "{}: {path} is another's", worker.name);
        }
    }
    for page in PAGES {
        assert!(names.insert(page.name), "{} is there twice", page.name);
        assert!(ports.insert(page.dev_port), "{}: port {} is another's", page.name, page.dev_port);
        assert!(labels.insert(page.label), "{}: host {} is another's", page.name, page.label);
    }
    assert_eq!(WORKERS.iter().filter(|worker| worker.is_front_door()).count(), 1);
}

#[test]
fn no_path_lies_below_another_ones_or_below_a_name() {
    let called =
        WORKERS.iter().flat_map(|worker| worker.paths().iter().map(move |path| (worker, path)));
    let called: Vec<_> = called.collect();
    for (owner, path) in &called {
        assert!(path.starts_with('/') && !path.ends_with('/'), "{path}");
        for (other, above) in &called {
            let is_below = path.strip_prefix(*above).is_some_and(|rest| rest.starts_with('/'));
            assert!(!is_below, "{}: {path} lies below {above} of {}", owner.name, other.name);
        }
        for worker in WORKERS {
            let own = format!("/{}", worker.name);
            assert!(*path != &own && !path.starts_with(&format!("{own}/")), "{path} is a name");
        }
    }
}

#[test]
fn each_is_said_in_a_sentence() {
    let rows = WORKERS.iter().map(|row| (row.name, row.title, row.about));
    for (name, title, about) in rows.chain(PAGES.iter().map(|row| (row.name, row.title, row.about)))
    {
        let well_formed = name.split('-').all(|word| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        assert!(well_formed, "{name}");
        assert!(!title.is_empty() && !title.ends_with('.'), "{name}: {title}");
        assert!(about.ends_with('.') && !about.contains('|'), "{name}: {about}");
    }
}

#[test]
fn each_is_deployed_after_all_that_it_stands_on() {
    let order = order_of_deployment();
    assert_eq!(order.len(), WORKERS.len());
    for (place, one) in order.iter().enumerate() {
        for name in one.stands_on {
            let other = worker(name).unwrap_or_else(|| panic!("{}: there is no {name}", one.name));
            let before = order.iter().take(place).any(|earlier| *earlier == other);
            assert!(before, "{} and {name} stand on each other", one.name);
        }
    }
    let names: Vec<_> = order.iter().map(|worker| worker.name).collect();
    assert_eq!(names.first(), Some(&"rate-limiter"));
    assert_eq!(names.last(), Some(&"config"));
}

#[test]
fn a_binding_is_the_name_in_capitals() {
    assert_eq!(binding("stock-media"), "STOCK_MEDIA");
}
