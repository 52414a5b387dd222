//! A regex that is compiled when the first text asks for it.
//!
//! Nine tenths of the time that a rule set takes to load is the compiling of regexes, most of which no text ever needs. Those of
//! the built-in rules are known to compile, because a test compiles them; all others are compiled before a set is handed out.

use std::sync::OnceLock;
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

/// Runs `each` on all of `items` with every core, and returns the first error by their order.
pub(super) fn on_every_core<I: Sync, E: Send>(
    items: &[I],
    each: impl Fn(&I) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = items.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let each = &each;
        let parts: Vec<_> = items
            .chunks(share)
            .map(|part| scope.spawn(move || part.iter().try_for_each(each)))
            .collect();
        parts.into_iter().try_for_each(|part| match part.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
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
    fn the_first_error_is_told_whoever_finds_it() {
        let items: Vec<u32> = (0..100).collect();
        let odd = |item: &u32| if *item < 40 { Ok(()) } else { Err(*item) };
        assert_eq!(on_every_core(&items, odd), Err(40));
        assert_eq!(on_every_core(&[], odd), Ok(()));
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
