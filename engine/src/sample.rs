//! Samples the next token from the logits.

use candle_core::{Device, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling as Method};

use crate::error::EngineError;
use crate::generation::Sampling;

/// Below this the distribution is a single token at the precision of f32, and dividing by it may overflow.
const MIN_TEMPERATURE: f64 = 1e-3;

/// The sampling state of one generation.
pub(crate) enum Sampler {
    Greedy,
    Nucleus(Box<LogitsProcessor>),
}

impl Sampler {
    /// # Errors
    /// [`EngineError::Sampling`] for values out of range. A temperature below 0.001 is raised to 0.001.
    pub(crate) fn new(sampling: Sampling) -> Result<Sampler, EngineError> {
        match sampling {
            Sampling::Greedy => Ok(Sampler::Greedy),
            Sampling::Nucleus { temperature, top_p, seed }
                if temperature.is_finite() && temperature > 0.0 && top_p > 0.0 && top_p <= 1.0 =>
            {
                let method = Method::TopP { p: top_p, temperature: temperature.max(MIN_TEMPERATURE) };
                Ok(Sampler::Nucleus(Box::new(LogitsProcessor::from_sampling(seed, method))))
            }
            Sampling::Nucleus { temperature, top_p, .. } => Err(EngineError::Sampling { temperature, top_p }),
        }
    }

    /// The next token, from logits `[vocabulary]`. Greedy takes the lowest id among equals.
    ///
    /// # Errors
    /// No logit is a finite number, which only a damaged model computes.
    pub(crate) fn sample(&mut self, logits: &[f32]) -> Result<u32, EngineError> {
        match self {
            Sampler::Greedy => greedy(logits),
            Sampler::Nucleus(processor) => {
                let sampled = Tensor::new(logits, &Device::Cpu).and_then(|logits| processor.sample(&logits));
                sampled
                    .map_err(|error| EngineError::Model(format!("no token can be sampled: {error}").into()))
            }
        }
    }
}

/// A NaN compares as not greater, so it is never selected.
fn greedy(logits: &[f32]) -> Result<u32, EngineError> {
    let mut best = (f32::NEG_INFINITY, None);
    for (token, &logit) in (0..).zip(logits) {
        if logit > best.0 {
            best = (logit, Some(token));
        }
    }
    best.1.ok_or_else(|| EngineError::Model("no logit is a finite number; the weights may be damaged".into()))
}

/// Sets the logits of all other tokens to negative infinity.
pub(crate) fn mask(logits: &mut [f32], allowed: impl Iterator<Item = u32>) {
    let mut masked = vec![f32::NEG_INFINITY; logits.len()];
    for token in allowed.map(|token| token as usize).filter(|&token| token < logits.len()) {
        masked[token] = logits[token];
    }
    logits.copy_from_slice(&masked);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nucleus(temperature: f64, top_p: f64, seed: u64) -> Sampling {
        Sampling::Nucleus { temperature, top_p, seed }
    }

    #[test]
    fn greedy_takes_the_lowest_of_equals_and_never_nan() {
        let mut sampler = Sampler::new(Sampling::Greedy).unwrap();
        assert_eq!(sampler.sample(&[0.0, 2.0, 1.0, 2.0]).unwrap(), 1);
        assert_eq!(sampler.sample(&[f32::NAN, -3.0, f32::NEG_INFINITY]).unwrap(), 1);
        assert!(matches!(sampler.sample(&[f32::NAN, f32::NEG_INFINITY]), Err(EngineError::Model(_))));
    }

    #[test]
    fn nucleus_is_reproducible_and_leaves_the_tail_out() {
        let logits = [5.0, 5.0, -5.0, 4.5];
        let draw = |seed| {
            let mut sampler = Sampler::new(nucleus(1.0, 0.9, seed)).unwrap();
            (0..50).map(|_| sampler.sample(&logits).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!(draw(7).contains(&0) && draw(7).contains(&1) && draw(7).contains(&3));
        assert!(!draw(7).contains(&2));
    }

    #[test]
    fn a_tiny_temperature_is_greedy_and_wrong_values_are_errors() {
        let mut cold = Sampler::new(nucleus(1e-300, 1.0, 1)).unwrap();
        assert_eq!(cold.sample(&[1.0, 900.0, 899.0]).unwrap(), 1);
        let wrong = [
            (0.0, 0.9),
            (-1.0, 0.9),
            (f64::NAN, 0.9),
            (f64::INFINITY, 0.9),
            (1.0, 0.0),
            (1.0, 1.1),
            (1.0, f64::NAN),
        ];
        for (temperature, top_p) in wrong {
            assert!(matches!(
                Sampler::new(nucleus(temperature, top_p, 1)),
                Err(EngineError::Sampling { .. })
            ));
        }
        assert!(matches!(
            Sampler::new(nucleus(1.0, 0.9, 1)).unwrap().sample(&[f32::NAN; 3]),
            Err(EngineError::Model(_))
        ));
    }

    #[test]
    fn a_mask_leaves_the_allowed_tokens() {
        let mut logits = [1.0, 5.0, 3.0, 4.0];
        mask(&mut logits, [0, 2, 99].into_iter());
        assert_eq!(Sampler::Greedy.sample(&logits).unwrap(), 2);
    }
}
