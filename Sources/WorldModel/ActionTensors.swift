import Demonstrations
import Foundation
import Spaces
import Torch

// Actions as tensors, float32 `[…, W]`: the class index of each part that has classes, then all numbers, in −1…1.

extension ActionSpace {
  /// Actions one after the other, `[N, W]`. Where there is none, classes −1 and zeros.
  public func tensor(_ actions: [Action?], on device: Device) -> Tensor {
    var rows: [Float] = []
    rows.reserveCapacity(actions.count * width)
    for action in actions {
      if let action {
        rows += action.classes.map(Float.init)
        rows += scaled(action).numbers
      } else {
        rows += repeatElement(-1, count: classCounts.count)
        rows += repeatElement(0, count: low.count)
      }
    }
    return Tensor(rows, [actions.count, width], on: device)
  }

  /// Actions one after the other, as networks take them, `[N, A]`; zeros where there is none.
  public func rows(_ actions: [Action?], on device: Device) -> Tensor {
    var rows = [Float](repeating: 0, count: actions.count * size)
    for (row, action) in actions.enumerated() {
      guard let action else { continue }
      var place = row * size
      for (count, number) in zip(classCounts, action.classes) {
        rows[place + number] = 1
        place += count
      }
      rows.replaceSubrange(place..<(row + 1) * size, with: scaled(action).numbers)
    }
    return Tensor(rows, [actions.count, size], on: device)
  }

  /// What networks take of actions `[…, W]`: classes one-hot, `[…, A]`.
  public func encoded(_ actions: Tensor) -> Tensor {
    let last = actions.shape.count - 1
    var parts = runs.map { run in
      actions.sliced(run.columns, axis: last).to(.int64).oneHot(run.count).flattened(last: 2)
    }
    if !low.isEmpty { parts.append(actions.sliced(classCounts.count..<width, axis: last)) }
    return parts.count == 1 ? parts[0] : concatenated(parts.map { $0.to(.float32) }, axis: -1)
  }

  /// Parts side by side that have as many classes: how many those are, and where the parts' indices are in an action.
  public var runs: [(count: Int, columns: Range<Int>)] {
    var runs: [(count: Int, columns: Range<Int>)] = []
    for (column, count) in classCounts.enumerated() {
      if let last = runs.last, last.count == count {
        runs[runs.count - 1].columns = last.columns.lowerBound..<column + 1
      } else {
        runs.append((count, column..<column + 1))
      }
    }
    return runs
  }

  /// Uniformly random actions under leading axes, `[…, W]`.
  public func uniform(_ leading: [Int], using random: RandomSource) -> Tensor {
    let (sampled, last) = (Tensor.uniform(leading + [width], using: random), leading.count)
    var parts = runs.map { run in (sampled.sliced(run.columns, axis: last) * Double(run.count)).to(.int64).to(.float32)
    }
    if !low.isEmpty { parts.append(sampled.sliced(classCounts.count..<width, axis: last) * 2 - 1) }
    return parts.count == 1 ? parts[0] : concatenated(parts, axis: -1)
  }

  /// Constant actions under leading axes, by name: each class of each part, and each number at each of its bounds, all
  /// others at their first class and in the middle; where there are numbers alone, that too.
  public func constants(_ leading: [Int], on device: Device) -> [(name: String, actions: Tensor)] {
    let still = [Float](repeating: 0, count: width)
    var constants = classCounts.isEmpty ? [still] : []
    for (column, count) in classCounts.enumerated() {
      for number in (column == 0 ? 0 : 1)..<count {
        var values = still
        values[column] = Float(number)
        constants.append(values)
      }
    }
    for column in classCounts.count..<width {
      for end: Float in [-1, 1] {
        var values = still
        values[column] = end
        constants.append(values)
      }
    }
    return constants.map { values in
      (
        "always \(values.map { String(format: "%g", $0) }.joined(separator: " "))",
        Tensor(values, [width], on: device).expanded(leading + [width])
      )
    }
  }

  /// How much alike actions are, `[…]`, the mean over classes, which are 1 where they are the same, else 0, and
  /// numbers, 1 minus half their distance.
  public func likeness(_ a: Tensor, _ b: Tensor) -> Tensor {
    let last = a.shape.count - 1
    let (classes, numbers) = (0..<classCounts.count, classCounts.count..<width)
    let same = a.sliced(classes, axis: last).isEqual(to: b.sliced(classes, axis: last)).to(.float32)
    let near = 1 - (a.sliced(numbers, axis: last) - b.sliced(numbers, axis: last)).abs() / 2
    return (classes.isEmpty ? near : numbers.isEmpty ? same : concatenated([same, near], axis: -1)).mean(over: -1)
  }
}

extension SequenceBatch {
  /// The actions that led to the frames of steps `range`, `[n, B, W]`. The first frame of another episode has none; the
  /// space's action of doing nothing stands there.
  public func actions(to range: Range<Int>, in space: ActionSpace, on device: Device) -> Tensor {
    space.tensor(
      previousActions[range.lowerBound * batch..<range.upperBound * batch].map { $0 ?? space.still }, on: device
    ).unflattened([range.count, batch])
  }
}
