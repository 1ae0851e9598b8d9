import Foundation
import Settings

/// Changes bytes of a file as damage and malice do.
struct Mutator {
  private var generator: SeededGenerator

  init(_ seed: Seed) { generator = seed.generator }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &generator)! }
  mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

  /// Some changes to a binary file, mostly of few bytes, which leave its length as it is four times of five.
  mutating func changed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    repeat { number(0..<5) == 0 ? reshape(&bytes) : overwrite(&bytes) } while number(0..<3) > 0
    return bytes
  }

  /// The same of a text, with words that mean something to its reader, or once meant something to another.
  mutating func changedText(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    repeat {
      switch number(0..<3) {
      case 0: bytes = changed(bytes)
      case 1:
        let word = Array(pick(Self.words).utf8)
        let at = number(0..<bytes.count + 1)
        bytes.replaceSubrange(at..<min(bytes.count, at + number(0..<word.count + 1)), with: word)
      default:
        // A number for a number.
        let digits = bytes.indices.filter { (48...57).contains(bytes[$0]) }
        guard !digits.isEmpty else { break }
        let start = pick(digits)
        let end = bytes[start...].firstIndex { !(48...57).contains($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: [UInt8](pick(Self.numbers).utf8))
      }
    } while number(0..<2) > 0
    return bytes
  }

  private mutating func overwrite(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    let at = number(0..<bytes.count)
    switch number(0..<4) {
    case 0: bytes[at] ^= 1 << UInt8(number(0..<8))
    case 1: bytes[at] = pick([0, 1, 2, 0x7f, 0x80, 0xff, UInt8(number(0..<256))])
    case 2:
      let large: [UInt64] = [
        UInt64.max, .max - 1, 1 << 63, 1 << 62, 1 << 32, UInt64(bytes.count), UInt64(bytes.count - 1),
        UInt64(number(0..<bytes.count)), 0, 1,
      ]
      let (value, width) = (pick(large), pick([2, 4, 8]))
      for index in 0..<min(width, bytes.count - at) {
        bytes[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
      }
    default:
      let (from, count) = (number(0..<bytes.count), min(number(1..<65), bytes.count - at))
      for index in 0..<min(count, bytes.count - from) { bytes[at + index] = bytes[from + index] }
    }
  }

  private mutating func reshape(_ bytes: inout [UInt8]) {
    let at = number(0..<bytes.count + 1)
    switch number(0..<3) {
    case 0: bytes.removeLast(bytes.count - at)
    case 1: bytes.removeSubrange(at..<min(bytes.count, at + number(1..<100)))
    default: bytes.insert(contentsOf: [UInt8](repeating: UInt8(number(0..<256)), count: number(1..<100)), at: at)
    }
  }

  private static let numbers = [
    "0", "1", "-1", "2147483647", "2147483648", "4611686018427387904", "9223372036854775807", "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999", "1e400", "1e-400", "3.4e38", "-3.5e38", "1e18", "0.5", "1.0", "012", "1:30", "0x10",
  ]

  private static let words =
    numbers + [
      "NaN", "Infinity", "-Infinity", "null", "true", "[]", "{}", "\"", "\\", "\\ud800", "\u{0}", "\u{feff}", "\n", ":",
      ",", "- ", "&a ", "*a", "<<: *a", "!!binary ",
      "%", "? ", "|", ">", "{a: &a [*a]}", "../../", "/", String(repeating: "[", count: 3000),
      String(repeating: "{\"a\":", count: 2000),
      String(repeating: "- ", count: 2000),
      "&a [x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n",
    ]
}
