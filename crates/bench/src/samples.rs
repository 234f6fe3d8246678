/// Measured values of one kind.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    ascending: Vec<f64>,
}

impl Samples {
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { ascending: values }
    }

    pub fn len(&self) -> usize {
        self.ascending.len()
    }

    /// The smallest value that at least this part (0 to 1) of all values does not exceed. `None` when there is none at all.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let last = self.ascending.len().checked_sub(1)?;
        let rank = (part.clamp(0.0, 1.0) * self.ascending.len() as f64).ceil() as usize;
        self.ascending.get(rank.saturating_sub(1).min(last)).copied()
    }

    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    pub fn least(&self) -> Option<f64> {
        self.ascending.first().copied()
    }

    pub fn greatest(&self) -> Option<f64> {
        self.ascending.last().copied()
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self::new(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_measured_values() {
        let samples: Samples = (1..=100).rev().map(f64::from).collect();
        for (part, expected) in [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            assert_eq!(samples.quantile(part), Some(expected), "{part}");
        }
        assert_eq!(Samples::default().quantile(0.5), None);
        assert_eq!(Samples::new(vec![7.0]).quantile(0.99), Some(7.0));
    }
}
