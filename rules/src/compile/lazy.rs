//! A regex that is compiled when the first text asks for it.
//!
//! Nine tenths of the time that a rule set takes to load is the compiling of regexes, most of which no text ever needs. Those of
//! the built-in rules are known to compile, because a test compiles them; all others are compiled before a set is handed out.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What is made of a pattern, or of several, when it is first needed.
#[derive(Debug)]
pub(crate) struct Lazy<T, P> {
    made: OnceLock<Result<T, String>>,
    pattern: P,
    make: fn(&P) -> Result<T, String>,
}

impl<T, P> Lazy<T, P> {
    pub(super) fn new(pattern: P, make: fn(&P) -> Result<T, String>) -> Self {
        Self {
            made: OnceLock::new(),
            pattern,
            make,
        }
    }

    /// The same every time.
    ///
    /// # Errors
    /// When the pattern is too large; not where it was tried before.
    pub(super) fn try_get(&self) -> Result<&T, &str> {
        let made = self.made.get_or_init(|| (self.make)(&self.pattern));
        made.as_ref().map_err(String::as_str)
    }

    /// # Panics
    /// If the pattern is too large, which whoever made the set has tried.
    pub(crate) fn get(&self) -> &T {
        self.try_get().expect(
            "patterns are tried before a set is handed out, or by a test if they are built in",
        )
    }
}

/// What `each` makes of all of `items`, in their order. Every core takes the next one when it is done with one.
pub(super) fn on_every_core<I: Sync, T: Send>(
    items: &[I],
    each: impl Fn(&I) -> T + Sync,
) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            match items.get(at) {
                Some(item) => made.push((at, each(item))),
                None => return made,
            }
        }
    };
    let mut made = thread::scope(|scope| {
        let others: Vec<_> = (1..cores.min(items.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let mut made = work();
        for other in others {
            match other.join() {
                Ok(more) => made.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    });
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_when_it_is_asked_for() {
        let lazy = Lazy::new((), |()| Ok(vec![1]));
        assert!(lazy.made.get().is_none());
        assert!(std::ptr::eq(lazy.get(), lazy.get()));
    }

    #[test]
    fn what_is_made_stands_in_the_order_of_what_it_is_made_of() {
        let items: Vec<u32> = (0..1_000).collect();
        let doubled: Vec<u32> = items.iter().map(|item| 2 * item).collect();
        assert_eq!(on_every_core(&items, |item| 2 * item), doubled);
        assert!(on_every_core(&[], |item: &u32| *item).is_empty());
    }

    /// What start-up and the first verdict take is what they compile: nothing of the shipped rules, and then those of one text.
    #[test]
    fn shipped_rules_are_compiled_when_a_text_asks() {
        let rules = crate::RuleSet::compile(&crate::shipped()).unwrap().rules;
        let made = || {
            let searches = rules
                .matchers
                .iter()
                .filter_map(|rule| rule.search.as_ref());
            let made = searches.filter(|search| search.regex.made.get().is_some());
            made.count()
        };
        assert_eq!(made(), 0);
        let text = crate::template::expand(&rules.rule(0).examples[0]).unwrap();
        let mut found = Vec::new();
        let mut scratch = crate::Scratch::new(&rules);
        let _ = rules.scan(text.as_bytes(), &mut scratch, &mut found);
        assert!(!found.is_empty() && (1..=5).contains(&made()), "{}", made());
    }
}
