//! What is said of a row of times.

use std::fmt;
use std::time::Duration;

/// Median, smallest and largest of a row of times.
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

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for time in [self.median, self.min, self.max] {
            write!(f, "{:>10}", milliseconds(time))?;
        }
        Ok(())
    }
}

/// The median of the rounds' own ratios: what the machine did in a round, it did to both.
pub(crate) fn median_ratio(over: &[Duration], under: &[Duration]) -> f64 {
    let mut ratios: Vec<f64> = over
        .iter()
        .zip(under)
        .map(|(over, under)| over.as_secs_f64() / under.as_secs_f64())
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
