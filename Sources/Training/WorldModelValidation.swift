import Demonstrations
import Imitation
import Settings
import Torch
import WorldModel

/// How well a world model does on sequences that it was not trained on.
struct WorldModelValidation {
  let model: WorldModel
  /// Held-out sequences `[T, B]`.
  let batch: SequenceBatch
  let loss: LossConfiguration
  let seed: Seed

  /// Steps ahead at which predictions are compared with the truth.
  static let horizons = [1, 5, 15]

  /// The objective's terms; and, from the middle of the sequences on, the loss of open-loop predictions under the
  /// recorded actions beside that of repeating the last frame seen.
  func metrics() -> Metrics {
    noGrad {
      let draw = Sampling.sample(RandomSource(seed, on: model.device))
      let inference = model.infer(batch, draw: draw)
      let (observed, losses) = (inference.observed, model.loss(inference, loss))
      var metrics = losses.means("validation")
      let context = batch.length / 2
      metrics.merge(Surprise.bounds(of: losses, from: context)) { $1 }
      let actions = batch.actions(to: context..<batch.length, in: model.actions, on: model.device)
      let dream = model.imagine(from: inference.states[context - 1], following: actions, draw: draw)
      let predicted = model.decode(dream.reached)
      // A sequence counts up to the end of its episode.
      let goesOn = Tensor(batch.goesOn(from: context), [batch.length - context, batch.batch], on: model.device)
      for k in Self.horizons where k <= batch.length - context {
        let (truth, weight) = (observed[context + k - 1], goesOn[k - 1])
        let mean = { (error: Tensor) in (error * weight).sum() / maximum(weight.sum(), .ones([], on: self.model.device))
        }
        metrics["validation/open_loop_\(k)"] = mean(truth.error(of: predicted[k - 1]))
        metrics["validation/copy_last_\(k)"] = mean(truth.error(of: observed[context - 1].asDecoded))
      }
      return metrics
    }
  }
}

extension SequenceBatch {
  /// 1 for each step from `start` on before which its sequence's episode has not ended, else 0: `[T − start, B]`.
  package func goesOn(from start: Int) -> [Float] {
    var open = [Bool](repeating: true, count: batch)
    return (start..<length).flatMap { t -> [Float] in
      for row in 0..<batch where isFirst[t * batch + row] { open[row] = false }
      return open.map { $0 ? 1 : 0 }
    }
  }
}
