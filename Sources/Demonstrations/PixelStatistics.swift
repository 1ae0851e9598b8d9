import Spaces

/// Mean and standard deviation of the pixels of some episodes' frames, over all pixels and for each.
///
/// Sums are integers, so nothing is lost before the last division. Raw pixel units, 0…255.
public struct PixelStatistics: Equatable, Sendable {
  /// Of all pixels of all frames.
  public let mean: Float
  public let deviation: Float
  /// Of each pixel over all frames, `[C·Y·X]`.
  public let pixelMeans: [Float]
  public let pixelDeviations: [Float]
  public let minimum: UInt8
  public let maximum: UInt8

  /// Reads every frame once, the last of each episode included.
  /// - Throws: `nothingSelected`, `spacesDiffer`, and what reading frames throws.
  /// - Parameter field: the picture's place among what is seen.
  public init(over selections: [EpisodeSelection], field: Int = 0) throws {
    try selections.check()
    let space = selections[0].dataset.observation
    let (offset, size) = (space.offset(of: field), space.fields[field].size)
    var sums = PixelSums(frameSize: size)
    try selections.forEachFrame { sums.add(UnsafeRawBufferPointer(rebasing: $0[offset..<offset + size])) }
    self.init(sums.finished())
  }

  private init(_ sums: PixelSums) {
    let pixels = zip(sums.values, sums.squares).map { moments(count: sums.count, sum: $0, squares: $1) }
    (mean, deviation) = moments(
      count: sums.count * UInt64(pixels.count), sum: sums.values.reduce(0, +), squares: sums.squares.reduce(0, +))
    pixelMeans = pixels.map(\.mean)
    pixelDeviations = pixels.map(\.deviation)
    minimum = sums.minimum
    maximum = sums.maximum
  }
}

/// Mean and population deviation from exact sums: the variance is `(n Σx² − (Σx)²) / n²`, its numerator in 128 bits.
private func moments(count: UInt64, sum: UInt64, squares: UInt64) -> (mean: Float, deviation: Float) {
  let (whole, part) = (count.multipliedFullWidth(by: squares), sum.multipliedFullWidth(by: sum))
  let (low, borrows) = whole.low.subtractingReportingOverflow(part.low)
  let numerator = Double(whole.high - part.high - (borrows ? 1 : 0)) * 0x1p64 + Double(low)
  return (Float(Double(sum) / Double(count)), Float(numerator.squareRoot() / Double(count)))
}

/// Running sums per pixel. The recent ones are narrow, so that the processor adds many at once.
private struct PixelSums {
  private(set) var values: [UInt64]
  private(set) var squares: [UInt64]
  private(set) var count: UInt64 = 0
  private(set) var minimum = UInt8.max
  private(set) var maximum = UInt8.min
  private var recentValues: [UInt32]
  private var recentSquares: [UInt32]
  private var recentCount = 0

  /// 65,536 squares of a byte still fit into 32 bits.
  private static let recentLimit = 65_536

  init(frameSize: Int) {
    (values, squares) = (Array(repeating: 0, count: frameSize), Array(repeating: 0, count: frameSize))
    (recentValues, recentSquares) = (Array(repeating: 0, count: frameSize), Array(repeating: 0, count: frameSize))
  }

  mutating func add(_ frame: UnsafeRawBufferPointer) {
    var (low, high) = (minimum, maximum)
    recentValues.withUnsafeMutableBufferPointer { values in
      recentSquares.withUnsafeMutableBufferPointer { squares in
        for index in 0..<values.count {
          let pixel = frame[index]
          values[index] &+= UInt32(pixel)
          squares[index] &+= UInt32(pixel) &* UInt32(pixel)
          low = min(low, pixel)
          high = max(high, pixel)
        }
      }
    }
    (minimum, maximum) = (low, high)
    recentCount += 1
    if recentCount == Self.recentLimit { flush() }
  }

  func finished() -> PixelSums {
    var sums = self
    sums.flush()
    return sums
  }

  private mutating func flush() {
    for index in values.indices {
      values[index] += UInt64(recentValues[index])
      squares[index] += UInt64(recentSquares[index])
      (recentValues[index], recentSquares[index]) = (0, 0)
    }
    count += UInt64(recentCount)
    recentCount = 0
  }
}
