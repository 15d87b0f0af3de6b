using System.Text;

namespace Metering.Samples.LeadSearch.Companies;

/// <summary>A file of the catalogue cannot be used. The message is one sentence that names the file and, where there is one, the line.</summary>
public sealed class DataFileException : Exception
{
    /// <summary>Says why.</summary>
    /// <param name="message">One sentence.</param>
    /// <param name="innerException">The cause.</param>
    public DataFileException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>One line of a tab-separated file.</summary>
internal readonly record struct DataLine(string Path, int Number, string[] Fields)
{
    /// <summary>A field that must not be empty.</summary>
    public string Field(int index) =>
        Fields[index].Length > 0 ? Fields[index] : throw Error($"field {index + 1} is empty");

    /// <summary>A field with any number of parts separated by "|".</summary>
    public string[] List(int index)
    {
        if (Fields[index].Length == 0)
        {
            return [];
        }

        var parts = Fields[index].Split('|');
        return Array.TrueForAll(parts, part => part.Length > 0) ? parts : throw Error($"field {index + 1} has an empty part");
    }

    /// <summary>A fault of this line.</summary>
    public DataFileException Error(string fault) => new($"{Path}, line {Number}: {fault}.");
}

/// <summary>Reads tab-separated files strictly: a malformed line is an error with its number, never skipped.</summary>
internal static class DataFile
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The lines below the header.</summary>
    /// <param name="path">The file, UTF-8.</param>
    /// <param name="header">What its first line must be; it also gives the number of fields.</param>
    /// <exception cref="DataFileException">The file cannot be read, its header is another, or a line has another number of fields.</exception>
    public static IEnumerable<DataLine> Read(string path, string header)
    {
        var lines = ReadLines(path);
        if (lines.Length == 0 || lines[0] != header)
        {
            throw new DataFileException($"{path}, line 1: the header must be '{header.Replace("\t", "<tab>", StringComparison.Ordinal)}'.");
        }

        var expected = header.Split('\t').Length;
        for (var index = 1; index < lines.Length; index++)
        {
            var line = new DataLine(path, index + 1, lines[index].Split('\t'));
            if (line.Fields.Length != expected)
            {
                throw line.Error($"{line.Fields.Length} tab-separated fields, but {expected} are needed");
            }

            if (lines[index].AsSpan().ContainsAnyInRange('\u0000', '\b') || lines[index].AsSpan().ContainsAnyInRange('\u000a', '\u001f'))
            {
                throw line.Error("a control character");
            }

            yield return line;
        }
    }

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path, Utf8);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataFileException($"{path} cannot be read: {exception.Message}", exception);
        }
        catch (DecoderFallbackException exception)
        {
            throw new DataFileException($"{path} is not valid UTF-8.", exception);
        }
    }
}
