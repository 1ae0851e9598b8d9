@preconcurrency import CHDF5
import Foundation

/// Reads fields and attributes of one HDF5 file.
struct HDF5Reader: Sendable {
  let path: String
  private let file: HDF5Object

  /// - Throws: `notHDF5`, `damagedFile`.
  init(path: String) throws {
    self.path = path
    file = try HDF5.locked {
      // Of a pipe, the library would wait for the first byte.
      let type = try? FileManager.default.attributesOfItem(atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)[.type] as? FileAttributeType
      guard type == .typeRegular, H5Fis_hdf5(path) > 0 else { throw DemonstrationError.notHDF5(file: path) }
      guard let file = HDF5Object(H5Fopen(path, 0, hid_t(H5P_DEFAULT))) else { throw DemonstrationError.damagedFile(file: path) }
      return file
    }
  }

  /// How many groups and fields the root holds.
  var rootCount: Int {
    HDF5.locked {
      var info = H5G_info_t()
      return H5Gget_info(file.id, &info) >= 0 ? Int(info.nlinks) : 0
    }
  }

  /// A field that is known to exist, with its shape and the kind of its elements.
  struct Field {
    let name: String
    let shape: [Int]
    let kind: HDF5Kind
    fileprivate let object: HDF5Object
  }

  /// - Throws: `missingField`, `damagedField`.
  func field(_ name: String) throws -> Field {
    try HDF5.locked {
      try require(name)
      guard let object = HDF5Object(H5Dopen2(file.id, name, hid_t(H5P_DEFAULT))), let type = HDF5Object(H5Dget_type(object.id)),
        let space = HDF5Object(H5Dget_space(object.id)), case let rank = H5Sget_simple_extent_ndims(space.id), rank >= 0
      else { throw DemonstrationError.damagedField(file: path, field: name) }
      var dimensions = [hsize_t](repeating: 0, count: Int(rank))
      guard H5Sget_simple_extent_dims(space.id, &dimensions, nil) >= 0 else { throw DemonstrationError.damagedField(file: path, field: name) }
      return Field(name: name, shape: dimensions.map { Int(clamping: $0) }, kind: HDF5Kind(ofType: type.id), object: object)
    }
  }

  /// Checks every part of a path, as the library wants it.
  private func require(_ name: String) throws {
    var part = ""
    for component in name.split(separator: "/") {
      part += (part.isEmpty ? "" : "/") + component
      guard H5Lexists(file.id, part, hid_t(H5P_DEFAULT)) > 0 else { throw DemonstrationError.missingField(file: path, field: part) }
    }
  }

  /// All of a one-dimensional field of integers, enumerations included.
  func integers(_ field: Field) throws -> [Int64] {
    switch field.kind {
    case .integer, .enumeration: try all(of: field, as: H5T_NATIVE_INT64_g)
    default: throw DemonstrationError.wrongType(file: path, field: field.name, found: field.kind.name, expected: "integers")
    }
  }

  /// All of a one-dimensional field of numbers.
  func numbers(_ field: Field) throws -> [Double] {
    switch field.kind {
    case .integer, .float: try all(of: field, as: H5T_NATIVE_DOUBLE_g)
    default: throw DemonstrationError.wrongType(file: path, field: field.name, found: field.kind.name, expected: "numbers")
    }
  }

  private func all<Element: BitwiseCopyable>(of field: Field, as type: hid_t) throws -> [Element] {
    try HDF5.locked {
      try [Element](unsafeUninitializedCapacity: field.shape.reduce(1, *)) { buffer, initialized in
        guard H5Dread(field.object.id, type, hid_t(H5S_ALL), hid_t(H5S_ALL), hid_t(H5P_DEFAULT), buffer.baseAddress) >= 0 else {
          throw DemonstrationError.damagedField(file: path, field: field.name)
        }
        initialized = buffer.count
      }
    }
  }

  /// Rows `rows` of a field of bytes of any shape, one after the other.
  func bytes(_ field: Field, rows: Range<Int>) throws -> [UInt8] { try self.rows(rows, of: field, as: H5T_NATIVE_UINT8_g) }

  /// Rows `rows` of a field of numbers of any shape, one after the other.
  func floats(_ field: Field, rows: Range<Int>) throws -> [Float] {
    switch field.kind {
    case .integer, .float: try self.rows(rows, of: field, as: H5T_NATIVE_FLOAT_g)
    default: throw DemonstrationError.wrongType(file: path, field: field.name, found: field.kind.name, expected: "numbers")
    }
  }

  private func rows<Element: BitwiseCopyable>(_ rows: Range<Int>, of field: Field, as type: hid_t) throws -> [Element] {
    let start = [rows.lowerBound] + field.shape.dropFirst().map { _ in 0 }
    let count = [rows.count] + field.shape.dropFirst()
    return try HDF5.locked {
      let (offset, size) = (start.map(hsize_t.init), count.map(hsize_t.init))
      guard let space = HDF5Object(H5Dget_space(field.object.id)),
        H5Sselect_hyperslab(space.id, H5S_SELECT_SET, offset, nil, size, nil) >= 0,
        let memory = HDF5Object(H5Screate_simple(Int32(size.count), size, nil))
      else { throw DemonstrationError.damagedField(file: path, field: field.name) }
      return try [Element](unsafeUninitializedCapacity: count.reduce(1, *)) { buffer, initialized in
        guard H5Dread(field.object.id, type, memory.id, space.id, hid_t(H5P_DEFAULT), buffer.baseAddress) >= 0 else {
          throw DemonstrationError.damagedField(file: path, field: field.name)
        }
        initialized = buffer.count
      }
    }
  }

  /// A whole number among the attributes of a group; nil where there is none.
  func unsignedAttribute(_ name: String, of object: String) -> UInt64? {
    HDF5.locked {
      guard let attribute = attribute(name, of: object), let type = HDF5Object(H5Aget_type(attribute.id)),
        case .integer = HDF5Kind(ofType: type.id)
      else { return nil }
      var value: UInt64 = 0
      return H5Aread(attribute.id, H5T_NATIVE_UINT64_g, &value) >= 0 ? value : nil
    }
  }

  private func attribute(_ name: String, of object: String) -> HDF5Object? {
    guard H5Aexists_by_name(file.id, object, name, hid_t(H5P_DEFAULT)) > 0 else { return nil }
    return HDF5Object(H5Aopen_by_name(file.id, object, name, hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT)))
  }

  /// The attributes of the file itself that are single numbers or strings.
  var rootAttributes: [String: JSONValue] {
    HDF5.locked {
      var values = [String: JSONValue]()
      guard let root = HDF5Object(H5Gopen2(file.id, "/", hid_t(H5P_DEFAULT))) else { return values }
      for index in 0..<max(0, H5Aget_num_attrs(root.id)) {
        guard let attribute = HDF5Object(H5Aopen_idx(root.id, UInt32(index))) else { continue }
        let length = H5Aget_name(attribute.id, 0, nil)
        guard length > 0 else { continue }
        var name = [CChar](repeating: 0, count: length + 1)
        H5Aget_name(attribute.id, name.count, &name)
        values[text(name)] = scalar(attribute)
      }
      return values
    }
  }

  private func scalar(_ attribute: HDF5Object) -> JSONValue? {
    guard let type = HDF5Object(H5Aget_type(attribute.id)), let space = HDF5Object(H5Aget_space(attribute.id)),
      H5Sget_simple_extent_npoints(space.id) == 1
    else { return nil }
    switch H5Tget_class(type.id) {
    case H5T_INTEGER:
      var value: Int64 = 0
      return H5Aread(attribute.id, H5T_NATIVE_INT64_g, &value) >= 0 ? .integer(Int(value)) : nil
    case H5T_FLOAT:
      var value = 0.0
      return H5Aread(attribute.id, H5T_NATIVE_DOUBLE_g, &value) >= 0 ? .number(value) : nil
    case H5T_STRING where H5Tis_variable_str(type.id) > 0:
      var characters: UnsafeMutablePointer<CChar>?
      guard H5Aread(attribute.id, type.id, &characters) >= 0, let characters else { return nil }
      defer { H5free_memory(characters) }
      return .string(String(cString: characters))
    case H5T_STRING:
      var characters = [CChar](repeating: 0, count: H5Tget_size(type.id) + 1)
      return H5Aread(attribute.id, type.id, &characters) >= 0 ? .string(text(characters)) : nil
    default: return nil
    }
  }

  private func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
