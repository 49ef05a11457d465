//! Statistics: means with bootstrap intervals, percentiles, McNemar's test.

/// Bootstrap resamples for one interval.
const RESAMPLES: usize = 2000;
/// The seed: the same values always give the same interval.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// An estimate and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The mean with its percentile bootstrap interval (Efron 1979); `None` without values.
pub fn mean(values: &[f64]) -> Option<Estimate> {
    ratio(&values.iter().map(|&value| (value, 1.0)).collect::<Vec<_>>())
}

/// The sum of the first values divided by the sum of the second, resampled by pairs: a share of items of which each hole
/// has some; `None` if there are none.
pub fn ratio(pairs: &[(f64, f64)]) -> Option<Estimate> {
    let of = |sum: (f64, f64)| (sum.1 > 0.0).then(|| sum.0 / sum.1);
    let add = |sum: (f64, f64), pair: &(f64, f64)| (sum.0 + pair.0, sum.1 + pair.1);
    let value = of(pairs.iter().fold((0.0, 0.0), add))?;
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut drawn: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            of((0..pairs.len()).fold((0.0, 0.0), |sum, _| add(sum, &pairs[random.usize(..pairs.len())])))
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    Some(Estimate { value, low: percentile(&drawn, 0.025), high: percentile(&drawn, 0.975) })
}

/// The percentile `at` of ascending values, by linear interpolation; 0 without values.
pub fn percentile(ascending: &[f64], at: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return 0.0 };
    let place = at * last as f64;
    let (below, above) = (ascending[place.floor() as usize], ascending[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// McNemar's exact test: the probability that two equally good settings differ at least as much as here. `only_first`,
/// `only_second`: cases that only the one got right.
pub fn mcnemar(only_first: usize, only_second: usize) -> f64 {
    let n = only_first + only_second;
    // In logarithms, because 0.5 to the power of a thousand underflows.
    let mut of_k = n as f64 * 0.5f64.ln();
    let mut tail = 0.0;
    for k in 0..=only_first.min(only_second) {
        tail += of_k.exp();
        of_k += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64, within: f64) {
        assert!((value - expected).abs() <= within, "{value} is not {expected}");
    }

    #[test]
    fn a_percentile_lies_between_its_neighbours() {
        assert_eq!(percentile(&[], 0.5), 0.0);
        assert_eq!(percentile(&[3.0], 0.95), 3.0);
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0], 0.5), 2.5);
        assert_eq!(percentile(&[0.0, 10.0], 0.95), 9.5);
    }

    #[test]
    fn an_interval_of_a_share_is_that_of_the_normal_distribution() {
        let values: Vec<f64> = (0..400).map(|n| f64::from(n % 10 < 3)).collect();
        let Estimate { value, low, high } = mean(&values).expect("values");
        near(value, 0.3, 1e-12);
        let half = 1.96 * (0.3f64 * 0.7 / 400.0).sqrt();
        near(low, 0.3 - half, 0.006);
        near(high, 0.3 + half, 0.006);
        assert_eq!(mean(&values), mean(&values), "the same each time");
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[1.0; 9]), Some(Estimate { value: 1.0, low: 1.0, high: 1.0 }));
    }

    #[test]
    fn a_ratio_weighs_each_pair_by_its_second() {
        let estimate = ratio(&[(1.0, 1.0), (0.0, 3.0)]).expect("something");
        assert_eq!((estimate.value, estimate.low, estimate.high), (0.25, 0.0, 1.0));
        assert_eq!(ratio(&[(0.0, 0.0)]), None);
    }

    #[test]
    fn mcnemar_is_the_sign_test_on_what_differs() {
        assert_eq!(mcnemar(0, 0), 1.0);
        near(mcnemar(0, 5), 2.0 / 32.0, 1e-12);
        near(mcnemar(1, 9), 22.0 / 1024.0, 1e-12);
        near(mcnemar(9, 1), 22.0 / 1024.0, 1e-12);
        assert_eq!(mcnemar(7, 7), 1.0);
        // Python, in whole numbers: 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n
        near(mcnemar(450, 550), 0.001_730_536_084_976, 1e-12);
        near(mcnemar(560, 640), 0.022_536_627_567_509, 1e-12);
    }
}
