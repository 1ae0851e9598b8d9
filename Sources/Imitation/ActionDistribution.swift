import Spaces
import Torch
import WorldModel

extension ActionSpace {
  /// Numbers that a policy's network gives: the logits of all classes, then the means and the deviations of all
  /// numbers.
  public var policyOutputs: Int { classCounts.reduce(0, +) + 2 * low.count }

  /// What a policy's network says, `[…, policyOutputs]`.
  public func policy(_ outputs: Tensor) -> ActionDistribution { ActionDistribution(of: self, outputs: outputs) }
}

/// A policy in some states: independent distributions of an action's parts, over actions `[…, W]`.
public struct ActionDistribution: Distribution {
  /// Of parts that have as many classes, side by side, `[…, n, K]`.
  let classes: [(columns: Range<Int>, distribution: Categorical)]
  /// Of all numbers, `[…, A]`.
  let numbers: (columns: Range<Int>, distribution: TanhGaussian)?

  init(of space: ActionSpace, outputs: Tensor) {
    let (leading, last) = (Array(outputs.shape.dropLast()), outputs.shape.count - 1)
    var (classes, place) = ([(columns: Range<Int>, distribution: Categorical)](), 0)
    for run in space.runs {
      let own = place..<place + run.columns.count * run.count
      classes.append(
        (
          run.columns,
          Categorical(logits: outputs.sliced(own, axis: last).reshaped(leading + [run.columns.count, run.count]))
        ))
      place = own.upperBound
    }
    self.classes = classes
    numbers =
      space.low.isEmpty
      ? nil
      : (
        space.classCounts.count..<space.width,
        TanhGaussian(outputs: outputs.sliced(place..<space.policyOutputs, axis: last))
      )
  }

  /// Without gradients.
  public func sampled(_ draw: Sampling) -> Tensor {
    let parts =
      classes.map { $0.distribution.sampled(draw).to(.float32) }
      + (numbers.map { [$0.distribution.sampled(draw)] } ?? [])
    return parts.count == 1 ? parts[0] : concatenated(parts, axis: -1)
  }

  /// Of what was drawn, in nats, `[…]`.
  public func logProbability(of sampled: Tensor) -> Tensor { logProbability(sampled) { $0.logProbability(of: $1) } }

  /// Of what somebody else chose, who may be where this one hardly ever draws, in nats, `[…]`.
  public func logProbability(ofOthers chosen: Tensor) -> Tensor {
    logProbability(chosen) { $0.logProbability(ofOthers: $1) }
  }

  private func logProbability(_ actions: Tensor, ofNumbers: (TanhGaussian, Tensor) -> Tensor) -> Tensor {
    let last = actions.shape.count - 1
    return sum(
      classes.map {
        $0.distribution.logProbability(of: actions.sliced($0.columns, axis: last).to(.int64)).sum(over: -1)
      },
      numbers.map { ofNumbers($0.distribution, actions.sliced($0.columns, axis: last)) })
  }

  /// In nats, `[…]`.
  public var entropy: Tensor {
    sum(classes.map { $0.distribution.entropy.sum(over: -1) }, numbers?.distribution.entropy)
  }

  /// KL(self ‖ other) in nats, `[…]`; both over actions of one space.
  public func divergence(from other: ActionDistribution) -> Tensor {
    sum(
      zip(classes, other.classes).map { $0.distribution.divergence(from: $1.distribution).sum(over: -1) },
      numbers.map { $0.distribution.divergence(from: other.numbers!.distribution) })
  }

  private func sum(_ classes: [Tensor], _ numbers: Tensor?) -> Tensor {
    let parts = classes + (numbers.map { [$0] } ?? [])
    return parts.dropFirst().reduce(parts[0], +)
  }
}
