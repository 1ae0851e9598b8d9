import Demonstrations
import Settings
import Spaces
import Torch
import WorldModel

/// What is seen to what `ActionSpace.policy` takes, without a world model: its encoder, a vector as it is, then the
/// policy's layers. Source: DITTO, section 4.1, BC.
public final class PixelPolicy: NamedParts {
  public let observation: ObservationSpace
  public let actions: ActionSpace
  /// Successive frames that it sees, one after the other as channels; the newest is the last.
  public let frames: Int
  /// Of the fields that are pictures, nil of the others.
  private let eyes: [Encoder?]
  let head: MLP

  public init(
    _ observation: ObservationSpace, frames: Int = 1, depth: Int, actions: ActionSpace, _ sizes: PolicySizes,
    using random: RandomSource
  ) {
    (self.observation, self.frames, self.actions) = (observation, frames, actions)
    let eyes = observation.fields.map { Self.eye($0, frames: frames, depth: depth, using: random) }
    let inputs = zip(eyes, observation.fields.map { frames * $0.shape[0] }).reduce(0) {
      $0 + ($1.0?.embeddingSize ?? $1.1)
    }
    self.eyes = eyes
    head = MLP(inputs, actions.policyOutputs, width: sizes.width, hiddenLayers: sizes.hiddenLayers, using: random)
  }

  /// The encoder of so many frames of a picture, one after the other as channels; nil of what is no picture.
  private static func eye(_ field: ObservationSpace.Field, frames: Int, depth: Int, using random: RandomSource)
    -> Encoder?
  {
    guard let frame = field.frame else { return nil }
    return Encoder(
      FrameShape(channels: frames * frame.channels, height: frame.height, width: frame.width), depth: depth,
      using: random)
  }

  public var namedParts: [(name: String, part: any Module)] {
    zip(observation.keys(image: "encoder", vector: ""), eyes).compactMap { name, eye in eye.map { (name, $0) } } + [
      ("head", head)
    ]
  }

  public var device: Device { head.layers[0].weight.device }

  /// Of what is seen, under `[N]`.
  public func callAsFunction(_ observed: Observed) -> ActionDistribution { actions.policy(outputs(observed)) }

  func outputs(_ observed: Observed) -> Tensor { head(encoded(observed)) }

  /// What the policy's layers take of what is seen, under `[N]`.
  func encoded(_ observed: Observed) -> Tensor {
    concatenated(zip(eyes, observed.fields).map { eye, seen in eye.map { $0(seen) } ?? seen }, axis: -1)
  }

  /// Stacks raw frames as it sees them, under `[N]`.
  /// - Parameter raw: `frames` successive frames for each of the N, oldest first.
  func stacked(_ raw: [UInt8], _ count: Int, _ normalizer: Normalizer) -> Observed {
    normalizer(raw, [count, frames], on: device).map {
      $0.reshaped([count, frames * $0.shape[2]] + $0.shape.dropFirst(3))
    }
  }
}

/// Clones the expert's actions from its frames, end to end. Source: DITTO, section 4.1, BC; equation 16 with the frame
/// as the state.
public final class PixelCloner: Learner {
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
  private func seen(in sequences: SequenceBatch) -> (Observed, Tensor) {
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
