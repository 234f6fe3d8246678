/// What a Prometheus histogram counted, over all of its label sets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Upper bounds, ascending to infinity, each with the number of values up to it.
    buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// Reads the histogram of this name out of what `/metrics` answered. One that is not there has counted nothing yet.
    pub fn read(metrics: &str, name: &str) -> Self {
        let mut histogram = Self::default();
        for (bound, count) in metrics.lines().filter_map(|line| bucket(line, name)) {
            histogram.add(bound, count);
        }
        histogram.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        histogram
    }

    fn add(&mut self, bound: f64, count: u64) {
        match self.buckets.iter_mut().find(|(known, _)| known.total_cmp(&bound).is_eq()) {
            Some((_, sum)) => *sum += count,
            None => self.buckets.push((bound, count)),
        }
    }

    /// What was counted since an earlier reading of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before =
            |bound: f64| earlier.buckets.iter().find(|(known, _)| known.total_cmp(&bound).is_eq()).map_or(0, |found| found.1);
        let buckets = self.buckets.iter().map(|(bound, count)| (*bound, count.saturating_sub(before(*bound)))).collect();
        Self { buckets }
    }

    /// This one and another, of another process.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        for (bound, count) in &other.buckets {
            self.add(*bound, *count);
        }
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self
    }

    pub fn count(&self) -> u64 {
        self.buckets.last().map_or(0, |(_, count)| *count)
    }

    /// An estimate, for values that are spread evenly within each bucket. What lies above the last finite bound is told as that bound.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let rank = part * self.count() as f64;
        let (mut lower, mut below) = (0.0, 0);
        for (bound, count) in self.buckets.iter().copied() {
            if count > below && count as f64 >= rank {
                let within = (rank - below as f64).max(0.0) / (count - below) as f64;
                return Some(if bound.is_finite() { lower + (bound - lower) * within } else { lower });
            }
            (lower, below) = (bound, count);
        }
        None
    }
}

/// `name_bucket{some="label",le="0.5"} 12`
fn bucket(line: &str, name: &str) -> Option<(f64, u64)> {
    let (labels, count) = line.strip_prefix(name)?.strip_prefix("_bucket{")?.rsplit_once("} ")?;
    let bound = labels.split(',').find_map(|label| label.strip_prefix("le=\""))?.strip_suffix('"')?;
    // Rust reads "+Inf" as Prometheus writes it.
    Some((bound.parse().ok()?, count.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLIER: &str = "\
        # TYPE polls_seconds histogram\n\
        polls_seconds_bucket{provider=\"a\",le=\"0.5\"} 10\n\
        polls_seconds_bucket{provider=\"a\",le=\"1\"} 10\n\
        polls_seconds_bucket{provider=\"a\",le=\"+Inf\"} 10\n\
        polls_seconds_sum{provider=\"a\"} 1\n";
    const LATER: &str = "\
        polls_seconds_bucket{provider=\"a\",le=\"0.5\"} 60\n\
        polls_seconds_bucket{provider=\"a\",le=\"1\"} 100\n\
        polls_seconds_bucket{provider=\"a\",le=\"+Inf\"} 100\n\
        polls_seconds_bucket{provider=\"b\",le=\"0.5\"} 0\n\
        polls_seconds_bucket{provider=\"b\",le=\"1\"} 9\n\
        polls_seconds_bucket{provider=\"b\",le=\"+Inf\"} 10\n\
        other_seconds_bucket{le=\"+Inf\"} 7\n";

    #[test]
    fn quantiles_lie_between_the_bounds() {
        let counted = Histogram::read(LATER, "polls_seconds").since(&Histogram::read(EARLIER, "polls_seconds"));
        assert_eq!(counted.count(), 100);
        assert_eq!(counted.quantile(0.25), Some(0.25));
        assert_eq!(counted.quantile(0.5), Some(0.5));
        let ninety = counted.quantile(0.9).unwrap();
        assert!((0.9..0.92).contains(&ninety), "{ninety}");
        // Beyond the last bound nothing is known.
        assert_eq!(counted.quantile(1.0), Some(1.0));
    }

    #[test]
    fn what_is_not_there_counted_nothing() {
        let none = Histogram::read(LATER, "polls");
        assert_eq!((none.count(), none.quantile(0.5)), (0, None));
        let all = Histogram::read(LATER, "polls_seconds");
        assert_eq!(none.clone().with(&all), all);
        assert_eq!(all.since(&all).quantile(0.99), None);
    }
}
