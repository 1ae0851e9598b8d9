import Configuration
import Demonstrations
import Spaces
import Torch
import WorldModel

/// What is seen to what `ActionSpace.policy` takes, without a world model: its encoder, a vector as it is, then the policy's layers. Source: DITTO, section 4.1, BC.
public final class PixelPolicy: Module {
  public let observation: ObservationSpace
  public let actions: ActionSpace
  let encoder: Encoder?
  let head: MLP

  public init(_ observation: ObservationSpace, depth: Int, actions: ActionSpace, _ sizes: PolicySizes, using random: RandomSource) {
    (self.observation, self.actions) = (observation, actions)
    encoder = observation.frame.map { Encoder($0, depth: depth, using: random) }
    let inputs = (encoder?.embeddingSize ?? 0) + observation.vector
    head = MLP(inputs, actions.policyOutputs, width: sizes.width, hiddenLayers: sizes.hiddenLayers, using: random)
  }

  public var device: Device { head.layers[0].weight.device }

  /// Of what is seen, under `[N]`.
  public func callAsFunction(_ observed: Observed) -> any Distribution { actions.policy(outputs(observed)) }

  func outputs(_ observed: Observed) -> Tensor {
    head(concatenated([encoder.map { $0(observed.frames!) }, observed.vector].compactMap { $0 }, axis: -1))
  }
}

/// Clones the expert's actions from its frames, end to end. Source: DITTO, section 4.1, BC; equation 16 with the frame as the state.
public final class PixelCloner {
  public let policy: PixelPolicy
  public let normalizer: Normalizer
  public let optimizer: Adam
  private let configuration: CloningConfiguration
  private let precision: Precision

  public init(_ policy: PixelPolicy, _ normalizer: Normalizer, _ c: CloningConfiguration, _ precision: Precision = .f32) {
    (self.policy, self.normalizer, self.precision) = (policy, normalizer, precision)
    (configuration, optimizer) = (c, Adam(policy.namedParameters, c.optimizer))
  }

  /// One gradient step.
  /// - Parameter pairs: sequences of two frames: the first is what the expert saw, its action the one that led to the second. Pairs over the
  ///   end of an episode are left out.
  /// - Parameter progress: the share of the training that is done, from 0 to 1.
  public func update(on pairs: SequenceBatch, progress: Double = 0) -> Metrics {
    let (distribution, actions) = opinions(on: pairs)
    let loss = cloningLoss(policy: distribution, action: actions, entropyWeight: configuration.entropyWeight)
    let norm = optimizer.step(minimizing: loss, progress: progress)
    return [
      "actor/loss": loss, "actor/entropy": distribution.entropy.mean(), "actor/gradient_norm": norm,
      "actor/agreement": agreement(distribution, actions),
    ]
  }

  /// How often the policy's most probable action is the expert's.
  public func agreement(on pairs: SequenceBatch) -> Tensor {
    noGrad {
      let (distribution, actions) = opinions(on: pairs)
      return agreement(distribution, actions)
    }
  }

  private func agreement(_ distribution: any Distribution, _ taken: Tensor) -> Tensor { policy.actions.likeness(distribution.drawn(.mode), taken).mean() }

  /// The policy on the pairs' first frames, and the expert's actions there, both under `[N]`.
  private func opinions(on pairs: SequenceBatch) -> (any Distribution, Tensor) {
    precondition(pairs.length == 2, "a pair has \(pairs.length) frames")
    let (batch, size, device) = (pairs.batch, policy.observation.frameSize, policy.device)
    let inside = (0..<batch).filter { !pairs.isFirst[batch + $0] }
    let seen = inside.count == batch ? Array(pairs.frames[..<(batch * size)]) : inside.flatMap { pairs.frames[$0 * size..<($0 + 1) * size] }
    let observed = normalizer(seen, policy.observation, [inside.count], on: device)
    let distribution = computing(in: precision, on: device) { policy(observed) }
    return (distribution, policy.actions.tensor(inside.map { pairs.previousActions[batch + $0] }, on: device))
  }
}
