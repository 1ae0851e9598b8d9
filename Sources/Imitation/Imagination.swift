import Settings
import Spaces
import Torch
import WorldModel

/// Rolls policies out in a frozen world model's prior dynamics.
public struct Imagination {
  public let worldModel: WorldModel
  let precision: Precision

  public init(_ worldModel: WorldModel, _ precision: Precision = .f32) {
    (self.worldModel, self.precision) = (worldModel, precision)
  }

  public var device: Device { worldModel.device }
  public var actions: ActionSpace { worldModel.actions }

  /// Under a policy. Source: DITTO, Algorithm 1, line 11.
  /// - Parameter noise: of the model's transitions; nil for draws from `random`.
  public func rollout(
    from start: LatentState, steps: Int, choosing choice: ActionChoice = .sampled, using random: RandomSource,
    noise: SharedNoise? = nil,
    policy: @escaping (Tensor) -> ActionDistribution
  ) -> Rollout {
    rollout(from: start, steps: steps, random, noise) { features, _ in
      policy(features).sampled(choice == .best ? .mode : .sample(random))
    }
  }

  /// Under given actions, `[steps, B, W]`: what a dream can know of them.
  public func rollout(
    from start: LatentState, following actions: Tensor, using random: RandomSource, noise: SharedNoise? = nil
  ) -> Rollout {
    rollout(from: start, steps: actions.shape[0], random, noise) { _, step in actions[step] }
  }

  private func rollout(
    from start: LatentState, steps: Int, _ random: RandomSource, _ noise: SharedNoise?, policy: (Tensor, Int) -> Tensor
  ) -> Rollout {
    let (sizes, batch) = (worldModel.sizes, start.deterministic.shape[0])
    let draw = { noise.map { .exponentialNoise($0.exponentialNoise(sizes, batch: batch)) } ?? Sampling.sample(random) }
    return computing(in: precision, on: device) {
      worldModel.imagine(from: start, steps: steps, draw: draw, policy: policy)
    }
  }
}

/// Noise of a model's transitions that the dreams of a window share. Two of one seed give the same, step by step.
public struct SharedNoise {
  private let random: RandomSource
  private let dreamsPerWindow: Int

  public init(_ seed: Seed, dreamsPerWindow: Int, on device: Device) {
    (random, self.dreamsPerWindow) = (RandomSource(seed, on: device), dreamsPerWindow)
  }

  /// Exponential noise for the next step's classes, `[batch, S, K]`.
  func exponentialNoise(_ sizes: LatentSizes, batch: Int) -> Tensor {
    let own = Tensor.exponential([batch / dreamsPerWindow, sizes.groups, sizes.classes], using: random)
    guard dreamsPerWindow > 1 else { return own }
    return own.reshaped(own.shape[0], 1, sizes.groups, sizes.classes)
      .expanded([own.shape[0], dreamsPerWindow, sizes.groups, sizes.classes]).reshaped(
        batch, sizes.groups, sizes.classes)
  }
}
