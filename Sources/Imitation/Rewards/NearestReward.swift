import Torch
import WorldModel

/// How far two latents are from each other.
public enum Distance: String, Codable, CaseIterable, Sendable {
  /// 1 minus the reward of equation 8.
  case dot
  /// `‖a − b‖`.
  case l2
  /// 1 minus the cosine similarity.
  case cosine

  /// Of `a` and `b`, both `[…, D]`: `[…]`.
  public func callAsFunction(_ a: Tensor, _ b: Tensor) -> Tensor {
    switch self {
    case .dot: 1 - latentReward(expert: b, learner: a)
    case .l2: (a - b).norm(over: -1)
    case .cosine: 1 - cosineReward(expert: b, learner: a)
    }
  }

  /// What orders `b` `[M, D]` by closeness to each `a` `[N, D]`, the closest largest: `[N, M]`, from one matrix
  /// product.
  fileprivate func closeness(_ a: Tensor, _ b: Tensor) -> Tensor {
    let products = a.matmul(b.permuted(1, 0))
    let squares = b.squared().sum(over: -1).reshaped(1, -1)
    switch self {
    case .dot: return products / maximum(a.squared().sum(over: -1).reshaped(-1, 1), squares)
    case .l2: return products - 0.5 * squares
    case .cosine: return products / squares.squareRoot()
    }
  }
}

/// The row nearest to each of `queries` `[N, D]`, among `count` rows: `int64` `[N]`. Exact up to rounding, in pieces.
/// - Parameters:
///   - pairs: of queries and rows that are looked at together; nil for as many as stay in a processor's caches, or as
///     keep another device busy.
///   - rows: the rows of a range, `[…, D]`.
public func nearest(
  _ queries: Tensor, among count: Int, by distance: Distance, atOnce pairs: Int? = nil, rows: (Range<Int>) -> Tensor
) -> Tensor {
  let most = 4096
  if queries.shape[0] > most {
    return concatenated(
      (0..<queries.shape[0]).pieces(of: most).map {
        nearest(queries.sliced($0), among: count, by: distance, atOnce: pairs, rows: rows)
      }, axis: 0)
  }
  let pairs = pairs ?? (queries.device == .cpu ? 1 << 20 : 1 << 26)
  let step = max(1, min(count, pairs / max(queries.shape[0], 1)))
  var (closest, places) = ([Tensor](), [Tensor]())
  for first in stride(from: 0, to: count, by: step) {
    let closeness = distance.closeness(queries, rows(first..<min(first + step, count)))
    closest.append(closeness.max(over: 1))
    places.append(closeness.argmax(over: 1) + Double(first))
  }
  let piece = stacked(closest, axis: 1).argmax(over: 1).reshaped(-1, 1)
  return stacked(places, axis: 1).to(.int64).gathering(piece, axis: 1).reshaped(-1)
}

extension ExpertLatents {
  /// From each of `queries` `[N, …]` to the nearest of all states, `[N]`. Source: DITTO, the minimum in equation 7.
  public func distance(from queries: Tensor, by distance: Distance = .dot, comparing compared: ComparedState = .both)
    -> Tensor
  {
    let rows = nearest(queries, among: count, by: distance) { compared(states($0)) }
    return distance(queries, compared(states(at: rows)))
  }
}

/// One minus the distance to the nearest of all expert latents. Source: DITTO, equation 7.
final class NearestReward: Reward {
  private let compared: ComparedState
  private let distance: Distance
  private let expert: ExpertLatents

  init(_ compared: ComparedState, _ distance: Distance, _ context: RewardContext) {
    (self.compared, self.distance, expert) = (compared, distance, context.expert)
  }

  func callAsFunction(_ expert: LatentWindows, _ dream: Rollout) -> Tensor {
    let reached = compared.reached(dream.states)
    let queries = reached.flattened(first: 2).to(.float32)
    return (1 - self.expert.distance(from: queries, by: distance, comparing: compared)).unflattened(
      Array(reached.shape.prefix(2)))
  }
}

extension RewardKind {
  public static let nearest = RewardKind("nearest") { NearestReward($0.compared, $0.distance, $1) }
}
