import Foundation

/// Any JSON value, as found in the metadata of a dataset.
public enum JSONValue: Hashable, Sendable, Codable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let boolean = try? value.decode(Bool.self) {
      self = .boolean(boolean)
    } else if let integer = try? value.decode(Int.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let string = try? value.decode(String.self) {
      self = .string(string)
    } else if (try? decoder.unkeyedContainer()) != nil {
      self = .array(try value.decode([JSONValue].self))
    } else {
      self = .object(try value.decode([String: JSONValue].self))
    }
  }

  /// - Throws: `EncodingError` for infinities and NaN, which JSON cannot hold.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .boolean(let boolean): try container.encode(boolean)
    case .integer(let integer): try container.encode(integer)
    case .number(let number): try container.encode(number)
    case .string(let string): try container.encode(string)
    case .array(let array): try container.encode(array)
    case .object(let object): try container.encode(object)
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
}

extension JSONDecoder {
  /// Reads what Python writes, that is JSON with the bare tokens `Infinity`, `-Infinity` and `NaN`.
  ///
  /// Foundation reads those as parts of JSON5, of which hexadecimal fractions end the process. So what else JSON5 has
  /// is refused before, and so is what is nested deeper than anybody writes.
  /// - Throws: `DecodingError`.
  static func decodePython<Value: Decodable>(_ type: Value.Type, from json: Data) throws -> Value {
    let deepest = 64
    let refusal = { (reason: String) in DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: reason)) }
    var (isText, isEscaped, depth) = (false, false, 0)
    for byte in json {
      if isText {
        isText = isEscaped || byte != UInt8(ascii: "\"")
        isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
        continue
      }
      switch UnicodeScalar(byte) {
      case "\"": isText = true
      case "{", "[": depth += 1
      case "}", "]": depth -= 1
      case "'", "/", "x", "X": throw refusal("it has '\(UnicodeScalar(byte))' where JSON has none")
      default: break
      }
      if depth > deepest { throw refusal("it is nested more than \(deepest) deep") }
    }
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    return try decoder.decode(type, from: json)
  }
}
