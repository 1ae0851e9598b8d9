import Torch
import WorldModel

/// 1 where some expert state is the same as the learner's and the expert's action there was the learner's, else 0. Source: DITTO, equation 4, with states
/// that are the same when at least a share of their classes is.
///
/// - Parameters:
///   - same: the share of each of M expert states that is as in each of N states, `[N, M]`, in 0…1.
///   - actions: taken in the N states, `int64` `[N]`.
///   - expertActions: taken in the M states, `int64` `[M]`.
/// - Returns: `[N]`, 0 or 1.
public func sparseReward(same: Tensor, share: Double, actions: Tensor, expertActions: Tensor) -> Tensor {
  let sameAction = actions.reshaped(-1, 1).isEqual(to: expertActions.reshaped(1, -1)).to(same.type)
  // Less rounding: a share of classes is a fraction.
  return (same * sameAction).max(over: 1).isAtLeast(share - 1e-6).to(same.type)
}

/// Rewards the action taken in each state of the dream, the start included.
final class SparseReward: Reward {
  private let share: Double
  private let groups: Int
  /// One-hot classes `[M, S·K]` and actions `[M]` of all expert states; −1 in the last of an episode, which no action equals.
  private let (stochastic, actions): (Tensor, Tensor)

  private static let rows = 2048

  init(share: Double, _ context: RewardContext) {
    self.share = share
    groups = context.sizes.groups
    (stochastic, actions) = (context.expert.states(0..<context.expert.count).stochastic, context.expert.actions)
  }

  func callAsFunction(_ expert: LatentWindows, _ dream: Dream) -> Tensor {
    let z = dream.states.stochastic.dropLast()
    let (states, taken) = (z.flattened(first: 2), dream.actions.reshaped(-1))
    let count = states.shape[0]
    let parts = stride(from: 0, to: count, by: Self.rows).map { first -> Tensor in
      let part = first..<min(first + Self.rows, count)
      let same = states.sliced(part).to(.float32).matmul(stochastic.permuted(1, 0)) / Double(groups)
      return sparseReward(same: same, share: share, actions: taken.sliced(part), expertActions: actions)
    }
    return concatenated(parts, axis: 0).unflattened(dream.actions.shape)
  }
}
