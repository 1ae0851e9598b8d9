import Foundation
import Imitation
import Runs
import Training

/// Messages to an agent on a file, such as standard input; their form is in `ditto act --help`.
public struct FrameStream {
  public enum Message { case reset, frame([UInt8]) }

  private let file: Int32
  private let frameSize: Int
  /// Read, and not yet part of a message.
  private var held: [UInt8] = []
  /// Whether messages have said their lengths, as all must from then on.
  private var isChecked = false
  private var hasWarned = false

  /// How long the rest of a message may be missing before somebody is told.
  private static let patience: Int32 = 2_000

  public init(_ file: Int32, frameSize: Int) { (self.file, self.frameSize) = (file, frameSize) }

  /// The next message; nil at the end.
  /// - Throws: `ImitationError.wrongFrame`; `ExperimentError.notAnOption` where no message begins.
  public mutating func next() throws -> Message? {
    guard let kind = take(1).first else { return nil }
    switch (UnicodeScalar(kind), isChecked) {
    case ("r", false): return .reset
    case ("f", false):
      let frame = take(frameSize)
      guard frame.count == frameSize else { throw ImitationError.wrongFrame(expected: frameSize, found: frame.count) }
      // What is there already would else be found out only after an action was made of a part of it.
      if held.isEmpty, isReady(within: 0) { fill() }
      if let byte = held.first, !"rfRF".unicodeScalars.contains(UnicodeScalar(byte)) {
        throw noMessage(byte, "after a frame of \(frameSize) bytes")
      }
      return .frame(frame)
    case ("R", _), ("F", _):
      isChecked = true
      let length = take(4)
      let announced = length.count < 4 ? -1 : length.reversed().reduce(0) { $0 << 8 | Int($1) }
      let expected = kind == UInt8(ascii: "F") ? frameSize : 0
      guard announced == expected else { throw ImitationError.wrongFrame(expected: expected, found: max(announced, 0)) }
      let frame = take(expected)
      guard frame.count == expected else { throw ImitationError.wrongFrame(expected: expected, found: frame.count) }
      return kind == UInt8(ascii: "F") ? .frame(frame) : .reset
    default: throw noMessage(kind, "where a message begins")
    }
  }

  private func noMessage(_ byte: UInt8, _ place: String) -> ExperimentError {
    .notAnOption(
      "standard input has byte \(byte) \(place)",
      allowed: "messages begin with \(isChecked ? "'R' or 'F'" : "'r', 'f', 'R' or 'F'"); see 'ditto act --help'")
  }

  /// Up to `count` bytes, fewer only at the end.
  private mutating func take(_ count: Int) -> [UInt8] {
    while held.count < count {
      if !held.isEmpty || count > 1, !hasWarned, !isReady(within: Self.patience) {
        hasWarned = true
        Observer.warn(
          "\(held.count) of the \(count) bytes that a frame has are there, and the rest is waited for; is what is sent smaller?"
        )
      }
      guard fill() else { break }
    }
    defer { held.removeFirst(min(count, held.count)) }
    return Array(held.prefix(count))
  }

  /// Reads what is there, or waits for it; false at the end.
  @discardableResult private mutating func fill() -> Bool {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(file, &bytes, bytes.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      held += bytes[..<count]
      return true
    }
  }

  private func isReady(within milliseconds: Int32) -> Bool {
    var wait = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
    return poll(&wait, 1, milliseconds) > 0
  }
}
