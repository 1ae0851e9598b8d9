import Configuration
import Demonstrations
import Torch
import WorldModel

/// Frames to action logits without a world model: its encoder, then the policy's layers. Source: DITTO, section 4.1, BC.
public final class PixelPolicy: Module {
  public let frame: FrameShape
  public let actionCount: Int
  let encoder: Encoder
  let head: MLP

  public init(_ frame: FrameShape, depth: Int, actions: Int, _ sizes: PolicySizes, using random: RandomSource) {
    (self.frame, actionCount) = (frame, actions)
    encoder = Encoder(frame, depth: depth, using: random)
    head = MLP(encoder.embeddingSize, actions, width: sizes.width, hiddenLayers: sizes.hiddenLayers, using: random)
  }

  public var device: Device { head.layers[0].weight.device }

  /// Normalised `[N, C, Y, X]` to `[N, A]`.
  public func callAsFunction(_ frames: Tensor) -> Tensor { head(encoder(frames)) }
}

/// Clones the expert's actions from its frames, end to end. Source: DITTO, section 4.1, BC; equation 16 with the frame as the state.
public final class PixelCloner {
  public let policy: PixelPolicy
  public let pixels: PixelNormalizer
  public let optimizer: Adam
  private let configuration: CloningConfiguration
  private let precision: Precision

  public init(_ policy: PixelPolicy, _ pixels: PixelNormalizer, _ c: CloningConfiguration, _ precision: Precision = .f32) {
    (self.policy, self.pixels, self.precision) = (policy, pixels, precision)
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

  private func agreement(_ policy: Categorical, _ actions: Tensor) -> Tensor { policy.drawn(.mode).isEqual(to: actions).to(.float32).mean() }

  /// The policy on the pairs' first frames, `[N, A]`, and the expert's actions there, `[N]`.
  private func opinions(on pairs: SequenceBatch) -> (Categorical, Tensor) {
    precondition(pairs.length == 2, "a pair has \(pairs.length) frames")
    let (batch, device) = (pairs.batch, policy.device)
    let inside = (0..<batch).filter { !pairs.isFirst[batch + $0] }
    let size = policy.frame.dimensions.reduce(1, *)
    let raw = pairs.frames.withUnsafeBytes {
      Tensor(bytes: UnsafeRawBufferPointer(rebasing: $0[..<(batch * size)]), [batch] + policy.frame.dimensions, .uint8, on: device)
    }
    let seen = inside.count == batch ? raw : raw.taking(Tensor(inside.map(Int64.init), [inside.count], on: device))
    let distribution = computing(in: precision, on: device) { Categorical(logits: policy(pixels(seen))) }
    return (distribution, Tensor(inside.map { Int64(pairs.previousActions[batch + $0]) }, [inside.count], on: device))
  }
}
