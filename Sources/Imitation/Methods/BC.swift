import Demonstrations
import Settings
import Spaces
import Torch
import WorldModel

/// Clones the expert's actions from its frames, end to end. Source: DITTO, section 4.1, BC; equation 16 with the frame
/// as the state.
public final class BC: Learner {
  /// Of the policy in files.
  public static let policyPrefix = "networks.policy."

  public let policy: PixelPolicy
  private let normalizer: Normalizer
  private let optimizer: Adam
  private let configuration: CloningConfiguration
  private let precision: Precision

  public init(_ policy: PixelPolicy, _ normalizer: Normalizer, _ c: CloningConfiguration, _ precision: Precision = .f32)
  {
    (self.policy, self.normalizer, self.precision) = (policy, normalizer, precision)
    (configuration, optimizer) = (c, Adam(policy.namedParameters, c.optimizer))
  }

  /// One gradient step.
  /// - Parameters:
  ///   - sequences: of one frame more than the policy sees: the last but one is the newest that the expert saw, and its
  ///     action is the one that led to the last. Those whose last frame is another episode's are left out.
  ///   - progress: the share of the training that is done, from 0 to 1.
  public func update(on sequences: SequenceBatch, progress: Double = 0, using random: RandomSource) -> Metrics {
    let (observed, action) = seen(in: sequences)
    let outputs = computing(in: precision, on: policy.device) {
      policy.head(policy.encoded(observed), dropout: configuration.dropout, using: random)
    }
    let distribution = policy.actions.policy(outputs)
    let loss = cloningLoss(policy: distribution, action: action, entropyWeight: configuration.entropyWeight)
    let norm = optimizer.step(minimizing: loss, progress: progress)
    return [
      "actor/loss": loss, "actor/entropy": distribution.entropy.mean(), "actor/gradient_norm": norm,
      "actor/agreement": agreement(distribution, action),
    ]
  }

  /// The expert's negative log-likelihood in nats, how often the policy's most probable action is the expert's, and the
  /// score that checkpoints are compared by.
  public func validate(on sequences: SequenceBatch) -> Metrics {
    noGrad {
      let (observed, action) = seen(in: sequences)
      let distribution = computing(in: precision, on: policy.device) { policy(observed) }
      let nats = -distribution.logProbability(ofOthers: action).mean()
      return [
        "validation/nll": nats, "validation/agreement": agreement(distribution, action), "validation/score": -nats,
      ]
    }
  }

  private func agreement(_ distribution: ActionDistribution, _ taken: Tensor) -> Tensor {
    policy.actions.likeness(distribution.sampled(.mode), taken).mean()
  }

  /// What the policy sees of sequences, and what the expert did there, both under `[N]`. Frames before an episode's
  /// first are that one again.
  private func seen(in sequences: SequenceBatch) -> (Observation, Tensor) {
    let (batch, size, frames) = (sequences.batch, policy.observation.frameSize, policy.frames)
    precondition(sequences.length == frames + 1, "a sequence has \(sequences.length) frames, expected \(frames + 1)")
    let inside = (0..<batch).filter { !sequences.isFirst[frames * batch + $0] }
    var raw: [UInt8] = []
    raw.reserveCapacity(inside.count * frames * size)
    for row in inside {
      let first = (0..<frames).last { sequences.isFirst[$0 * batch + row] } ?? 0
      for t in 0..<frames {
        let place = max(t, first) * batch + row
        raw += sequences.frames[place * size..<(place + 1) * size]
      }
    }
    let action = policy.actions.tensor(inside.map { sequences.previousActions[frames * batch + $0] }, on: policy.device)
    return (policy.stacked(raw, inside.count, normalizer), action)
  }

  public var weights: NamedTensors { policy.state.under(Self.policyPrefix) + normalizer.state }
  public var memory: NamedTensors { optimizer.state.under("optimizer.") }
}
