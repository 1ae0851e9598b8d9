import Configuration
import Torch

/// The weights of eq 10 and 11.
public struct LossConfiguration: Configuration {
  /// `β`, the weight of the KL term in nats.
  public var klWeight = 0.1
  /// The share of the prior regulariser KL(sg(q) ‖ p); the posterior's KL(q ‖ sg(p)) has the rest. 0.8 is what the paper's prose,
  /// its authors' code and DreamerV2 say; 0.2 is eq 11 as printed with δ = 0.8.
  public var klBalance = 0.8
  /// Weight of the image's negative log-likelihood.
  public var imageWeight = 1.0
  /// Weight of the vector's, with unit deviation like the image's: 100 stands for a tenth of each number's own deviation.
  public var vectorWeight = 100.0

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(klWeight >= 0, "klWeight", "is \(klWeight), must not be negative")
    problems.require((0...1).contains(klBalance), "klBalance", "is \(klBalance), must be from 0 to 1")
    problems.require(imageWeight > 0, "imageWeight", "is \(imageWeight), must be above 0")
    problems.require(vectorWeight > 0, "vectorWeight", "is \(vectorWeight), must be above 0")
  }
}

/// KL balancing: the value of KL(q ‖ p), with `balance` of its gradient to the prior `p` and the rest to the posterior `q`.
///
/// Source: DITTO, eq 11, with the weights as its prose has them.
/// - Returns: nats, `[…]`, summed over the groups of `z`.
public func balancedDivergence(posterior q: Categorical, prior p: Categorical, balance: Double) -> Tensor {
  let toPosterior = q.divergence(from: p.detached()).sum(over: -1)
  let toPrior = q.detached().divergence(from: p).sum(over: -1)
  return toPosterior * (1 - balance) + toPrior * balance
}

/// `−log p(x | ŝ)` of a unit normal without its constant: half the squared error, summed over channels, rows and columns.
///
/// Source: DITTO, eq 10, first term. `[…, C, Y, X]` to `[…]`.
public func imageLoss(_ decoded: Tensor, _ frames: Tensor) -> Tensor {
  (decoded - frames).squared().sum(over: -3, -2, -1) * 0.5
}

/// The same of a vector, `[…, V]` to `[…]`.
public func vectorLoss(_ decoded: Tensor, _ vector: Tensor) -> Tensor { (decoded - vector).squared().sum(over: -1) * 0.5 }

extension Observed {
  /// How far a prediction is from what was seen, pixels and vector together: the sum of both losses, `[…]`.
  public func error(of prediction: Observed) -> Tensor {
    let parts = [frames.map { imageLoss(prediction.frames!.to($0.type), $0) }, vector.map { vectorLoss(prediction.vector!.to($0.type), $0) }].compactMap { $0 }
    return parts.dropFirst().reduce(parts[0], +)
  }
}

/// The terms of eq 10 along sequences, each `[T, B]`.
public struct WorldModelLoss {
  /// Where there are pixels, and where there is a vector.
  public let image, vector: Tensor?
  /// Balanced KL in nats.
  public let divergence: Tensor
  /// `imageWeight · image + vectorWeight · vector + klWeight · divergence`.
  public let total: Tensor

  /// - Parameters:
  ///   - decoded: means of what was observed, both under `[T, B]`.
  ///   - posterior: over the classes of `z`, `[T, B, S, K]` like `prior`.
  public init(decoded: Observed, observed: Observed, posterior: Categorical, prior: Categorical, _ weights: LossConfiguration) {
    // What a decoder says in bf16 is compared in float32.
    image = observed.frames.map { imageLoss(decoded.frames!.to($0.type), $0) }
    vector = observed.vector.map { vectorLoss(decoded.vector!.to($0.type), $0) }
    divergence = balancedDivergence(posterior: posterior, prior: prior, balance: weights.klBalance)
    let seen = [image.map { $0 * weights.imageWeight }, vector.map { $0 * weights.vectorWeight }].compactMap { $0 }
    total = seen.dropFirst().reduce(seen[0], +) + divergence * weights.klWeight
  }
}
