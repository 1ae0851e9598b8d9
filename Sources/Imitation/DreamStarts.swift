import Torch
import WorldModel

/// Where dreams start: with the expert's windows, the last of them where other recordings were.
struct DreamStarts {
  /// States of other recordings; nil for none.
  private let mixed: ExpertLatents?
  private let share: Double
  private let copies: Int

  /// - Parameters:
  ///   - share: of the dreams that begin in `mixed`, from 0 to 1.
  ///   - copies: dreams from each start.
  init(_ mixed: ExpertLatents?, share: Double, copies: Int) {
    (self.mixed, self.share, self.copies) = (mixed, share, copies)
  }

  func callAsFunction(_ windows: LatentWindows, using random: RandomSource) -> LatentState {
    let dreams = windows.actions.shape[1]
    let count = elsewhere(of: dreams)
    guard let mixed, count > 0 else { return windows.states[0] }
    let sampled = (Tensor.uniform([count / copies], using: random) * Double(mixed.count)).to(.int64)
    let copied = sampled.reshaped(-1, 1).expanded([count / copies, copies]).reshaped(-1)
    return .joined(
      windows.states[0].sliced(0..<dreams - count), mixed.states(at: copied, using: random), axis: 0)
  }

  /// The actions `[H, B, W]` of those that begin beside the expert's: `[H, B', W]`, of one at least.
  func besideExpert(_ actions: Tensor) -> Tensor {
    let dreams = actions.shape[1]
    return actions.sliced(0..<max(1, dreams - elsewhere(of: dreams)), axis: 1)
  }

  private func elsewhere(of dreams: Int) -> Int {
    mixed == nil ? 0 : Int((share * Double(dreams / copies)).rounded()) * copies
  }
}
