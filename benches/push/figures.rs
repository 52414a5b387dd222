//! What is said of a row of times.

use std::fmt;
use std::time::Duration;

/// Median, smallest and largest of a row of times.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) median: Duration,
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl Figures {
    /// An empty row is zero.
    pub(crate) fn of(times: &[Duration]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort();
        Self {
            median: sorted.get(sorted.len() / 2).copied().unwrap_or_default(),
            min: sorted.first().copied().unwrap_or_default(),
            max: sorted.last().copied().unwrap_or_default(),
        }
    }
}

/// The time that so many of a hundred do not exceed. An empty row is zero.
pub(crate) fn percentile(times: &[Duration], part: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = (sorted.len() * part).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, min, max] = [self.median, self.min, self.max].map(milliseconds);
        write!(f, "{median} ({min} to {max})")
    }
}

/// How one row of times compares with another of the same rounds: what the machine did in a round, it did to both.
#[derive(Clone, Copy)]
pub(crate) struct Ratio {
    /// The median of the rounds' own ratios.
    pub(crate) median: f64,
    /// A quarter of the rounds is below the first, a quarter above the second.
    pub(crate) quarters: (f64, f64),
    /// Of the two smallest times, in which the machine disturbed least.
    pub(crate) of_minima: f64,
}

impl Ratio {
    pub(crate) fn of(over: &[Duration], under: &[Duration]) -> Self {
        let mut ratios: Vec<f64> = over
            .iter()
            .zip(under)
            .map(|(over, under)| over.as_secs_f64() / under.as_secs_f64())
            .collect();
        ratios.sort_by(f64::total_cmp);
        let at = |part: usize| {
            let index = (ratios.len() * part / 4).min(ratios.len().saturating_sub(1));
            ratios.get(index).copied().unwrap_or(f64::NAN)
        };
        let [least, least_under] = [over, under].map(|times| Figures::of(times).min.as_secs_f64());
        Self {
            median: at(2),
            quarters: (at(1), at(3)),
            of_minima: least / least_under,
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.quarters;
        let (median, minima) = (self.median, self.of_minima);
        write!(
            f,
            "{median:.2} ({low:.2} to {high:.2}; of minima {minima:.2})"
        )
    }
}

/// With a tenth below 100 ms, where tenths are more than noise.
pub(crate) fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 100.0 {
        return format!("{milliseconds:.1} ms");
    }
    format!("{milliseconds:.0} ms")
}
