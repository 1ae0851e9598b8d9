import Settings
import Spaces
import Torch

/// The weights of eq 10 and 11.
public struct LossConfiguration: Configuration {
  /// `β`, the weight of the KL term in nats.
  public var klWeight = 1.0
  /// The share of the prior regulariser KL(sg(q) ‖ p); the posterior's KL(q ‖ sg(p)) has the rest. 0.8 is what the
  /// paper's prose, its authors' code and DreamerV2 say; 0.2 is eq 11 as printed with δ = 0.8.
  public var klBalance = 0.8
  /// Weight of pictures' negative log-likelihood. Of several pictures each weighs as much as the one with most pixels.
  public var imageWeight = 1.0
  /// Weight of vectors', with unit deviation like the pictures': 100 stands for a tenth of each number's own deviation.
  /// Of several each weighs as much as the longest.
  public var vectorWeight = 100.0
  /// Weight of classes', in nats: with 30, knowing nothing of one of a few classes costs as much as knowing nothing of
  /// a number.
  public var classWeight = 30.0
  /// Factors of single fields besides, such as `[front=2, joints=0.5]`; 0 leaves a field to be seen and not to be
  /// predicted.
  public var fields: [String] = []

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(klWeight >= 0, "klWeight", "is \(klWeight), must not be negative")
    problems.require((0...1).contains(klBalance), "klBalance", "is \(klBalance), must be from 0 to 1")
    problems.require(imageWeight > 0, "imageWeight", "is \(imageWeight), must be above 0")
    problems.require(vectorWeight > 0, "vectorWeight", "is \(vectorWeight), must be above 0")
    problems.require(classWeight > 0, "classWeight", "is \(classWeight), must be above 0")
    for entry in fields {
      problems.require(
        Self.factor(entry) != nil, "fields",
        "has '\(entry)', where a field's name, '=' and a factor of at least 0 belong")
    }
  }

  private static func factor(_ entry: String) -> (name: Substring, factor: Double)? {
    guard let equals = entry.lastIndex(of: "="),
      let factor = Double(entry[entry.index(after: equals)...].trimmingPrefix { $0 == " " }), factor >= 0,
      factor.isFinite
    else { return nil }
    return (entry[..<equals], factor)
  }

  /// Whom `fields` means.
  public var namedFields: [String] { fields.compactMap { Self.factor($0).map { String($0.name) } } }

  /// The weight of each field of what is seen.
  public func weights(of space: ObservationSpace) -> [Double] {
    let factors = Dictionary(self.fields.compactMap(Self.factor).map { (String($0.name), $0.factor) }) { $1 }
    let count = { (field: ObservationSpace.Field) in
      if case .classes(let counts) = field.kind { Double(counts.count) } else { Double(field.shape.reduce(1, *)) }
    }
    let kind = { (field: ObservationSpace.Field) in
      switch field.kind {
      case .image: 0
      case .vector: 1
      case .classes: 2
      }
    }
    return space.fields.map { field in
      let most = space.fields.filter { kind($0) == kind(field) }.map(count).max()!
      return [imageWeight, vectorWeight, classWeight][kind(field)] * (most / count(field)) * (factors[field.name] ?? 1)
    }
  }
}

/// KL balancing: the value of KL(q ‖ p), with `balance` of its gradient to the prior `p` and the rest to the posterior
/// `q`.
///
/// Source: DITTO, eq 11, with the weights as its prose has them.
/// - Returns: nats, `[…]`, summed over the groups of `z`.
public func balancedDivergence(posterior q: Categorical, prior p: Categorical, balance: Double) -> Tensor {
  let toPosterior = q.divergence(from: p.detached()).sum(over: -1)
  let toPrior = q.detached().divergence(from: p).sum(over: -1)
  return toPosterior * (1 - balance) + toPrior * balance
}

/// `−log p(x | ŝ)` of a unit normal without its constant: half the squared error, summed over channels, rows and
/// columns.
///
/// Source: DITTO, eq 10, first term. `[…, C, Y, X]` to `[…]`.
public func imageLoss(_ decoded: Tensor, _ frames: Tensor) -> Tensor {
  (decoded - frames).squared().sum(over: -3, -2, -1) * 0.5
}

/// The same of a vector, `[…, V]` to `[…]`.
public func vectorLoss(_ decoded: Tensor, _ vector: Tensor) -> Tensor {
  (decoded - vector).squared().sum(over: -1) * 0.5
}

/// `−log p(c)` of classes by their unnormalised log-probabilities `[…, ΣK]`, against one-hot ones, summed over the
/// groups of `counts` classes each: `[…]`, in nats.
public func classLoss(_ decoded: Tensor, _ classes: Tensor, counts: [Int]) -> Tensor {
  var (start, total) = (0, Tensor?.none)
  for count in counts {
    let group = { (x: Tensor) in x.sliced(start..<start + count, axis: x.shape.count - 1) }
    let loss = -(Categorical(logits: group(decoded)).logProbabilities * group(classes)).sum(over: -1)
    (start, total) = (start + count, total.map { $0 + loss } ?? loss)
  }
  return total!
}

extension Observation {
  /// How far a prediction is from what was seen, field by field, each `[…]`.
  public func errors(of prediction: Observation) -> [Tensor] {
    space.fields.indices.map { index in
      // What a decoder says in bf16 is compared in float32.
      let (seen, decoded) = (fields[index], prediction.fields[index].to(fields[index].type))
      return switch space.fields[index].kind {
      case .image: imageLoss(decoded, seen)
      case .vector: vectorLoss(decoded, seen)
      case .classes(let counts): classLoss(decoded, seen, counts: counts)
      }
    }
  }

  /// The sum of all fields' errors, `[…]`.
  public func error(of prediction: Observation) -> Tensor {
    let errors = errors(of: prediction)
    return errors.dropFirst().reduce(errors[0], +)
  }
}

/// The terms of eq 10 along sequences, each `[T, B]`.
public struct WorldModelLoss {
  /// The losses of all pictures, vectors and classes; nil where there are none.
  public let image, vector, classes: Tensor?
  /// Balanced KL in nats.
  public let divergence: Tensor
  /// The fields' losses by their weights, and `klWeight · divergence`.
  public let total: Tensor

  /// - Parameters:
  ///   - decoded: means of what was observed, both under `[T, B]`.
  ///   - posterior: over the classes of `z`, `[T, B, S, K]` like `prior`.
  public init(
    decoded: Observation, observed: Observation, posterior: Categorical, prior: Categorical,
    _ weights: LossConfiguration
  ) {
    let errors = observed.errors(of: decoded)
    let sum = { (terms: [Tensor]) in terms.isEmpty ? nil : terms.dropFirst().reduce(terms[0], +) }
    let space = observed.space
    image = sum(space.images.map { errors[$0] })
    vector = sum(
      errors.indices.filter { if case .vector = space.fields[$0].kind { true } else { false } }.map { errors[$0] })
    classes = sum(
      errors.indices.filter { if case .classes = space.fields[$0].kind { true } else { false } }.map { errors[$0] })
    divergence = balancedDivergence(posterior: posterior, prior: prior, balance: weights.klBalance)
    total = sum(zip(errors, weights.weights(of: space)).map { $0 * $1 })! + divergence * weights.klWeight
  }
}
