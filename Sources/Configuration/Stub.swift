public protocol Configuration: Codable, Equatable, Sendable { init(); func check(_ problems: inout Problems) }
public struct Problems { 
  public mutating func require(_ c: Bool, _ key: String, _ message: String) {}
  public mutating func check(_ section: some Configuration, _ key: String) {}
}
