import Foundation
import Spaces
import Torch

// Actions as tensors: indices, `int64` `[…]`, of discrete ones; numbers in −1…1, `[…, A]`, of others.

extension ActionSpace {
  /// Actions one after the other, as tensors have them. Where there is none, −1 or zeros.
  public func tensor(_ actions: [Action?], on device: Device) -> Tensor {
    switch self {
    case .discrete:
      Tensor(actions.map { action -> Int64 in if case .discrete(let number) = action { Int64(number) } else { -1 } }, [actions.count], on: device)
    case .box: rows(actions, on: device)
    }
  }

  /// Actions one after the other, as networks take them, `[N, A]`; zeros where there is none.
  public func rows(_ actions: [Action?], on device: Device) -> Tensor {
    var rows = [Float](repeating: 0, count: actions.count * size)
    for (row, action) in actions.enumerated() {
      switch action {
      case .discrete(let number): rows[row * size + number] = 1
      case .continuous(let values): rows.replaceSubrange(row * size..<(row + 1) * size, with: values)
      case nil: break
      }
    }
    return Tensor(rows, [actions.count, size], on: device)
  }

  /// What networks take of actions: one-hot or as they are, `[…, A]`.
  public func encoded(_ actions: Tensor) -> Tensor {
    switch self {
    case .discrete(let count): actions.oneHot(count)
    case .box: actions
    }
  }

  /// The shape of actions under leading axes.
  public func shape(_ leading: [Int]) -> [Int] {
    switch self {
    case .discrete: leading
    case .box(let low, _): leading + [low.count]
    }
  }

  /// Uniformly random actions under leading axes.
  public func uniform(_ leading: [Int], using random: RandomSource) -> Tensor {
    switch self {
    case .discrete(let count): (Tensor.uniform(leading, using: random) * Double(count)).to(.int64)
    case .box: Tensor.uniform(shape(leading), using: random) * 2 - 1
    }
  }

  /// Constant actions under leading axes, by name: each discrete one; of others, none and each number at each of its bounds.
  public func constants(_ leading: [Int], on device: Device) -> [(name: String, actions: Tensor)] {
    switch self {
    case .discrete(let count): return (0..<count).map { ("always \($0)", .full(leading, Double($0), .int64, on: device)) }
    case .box(let low, _):
      let still = [Float](repeating: 0, count: low.count)
      let ends = low.indices.flatMap { index in [-1, 1].map { end in still.enumerated().map { $0.offset == index ? end : $0.element } } }
      return ([still] + ends).map { values in
        ("always \(values.map { String(format: "%g", $0) }.joined(separator: " "))", Tensor(values, [low.count], on: device).expanded(shape(leading)))
      }
    }
  }

  /// How much alike actions are, `[…]`: of discrete ones 1 where they are the same, else 0; of others 1 minus half their mean distance.
  public func likeness(_ a: Tensor, _ b: Tensor) -> Tensor {
    switch self {
    case .discrete: a.isEqual(to: b).to(.float32)
    case .box: 1 - (a - b).magnitude().mean(over: -1) / 2
    }
  }
}
