using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>Reads query parameters and headers, each with an error that names it and says what is allowed.</summary>
internal static class QueryValues
{
    /// <summary>A whole number; the default where the parameter is left out.</summary>
    public static Failure? ReadNumber(HttpRequest request, string name, long min, long max, long defaultValue, out long value)
    {
        value = defaultValue;
        var values = request.Query[name];
        if (values.Count == 0)
        {
            return null;
        }

        return values.Count == 1 && long.TryParse(values[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value) && value >= min && value <= max
            ? null
            : Failure.Invalid(name, max == long.MaxValue
                ? $"{name} must be one whole number, {min} or more."
                : $"{name} must be one whole number from {min} to {max}.");
    }

    /// <summary>A text of at least one character; null where it is left out.</summary>
    public static Failure? ReadText(HttpRequest request, string name, out string? value)
    {
        var values = request.Query[name];
        value = values.Count == 1 ? values[0] : null;
        return values.Count == 0 || value is { Length: > 0 } ? null : Failure.Invalid(name, $"{name} must be one text of 1 character or more.");
    }

    /// <summary>A cursor: the id of the last transaction that the caller has. Null where it is left out.</summary>
    public static Failure? ReadCursor(HttpRequest request, out long? before)
    {
        before = null;
        var values = request.Query["cursor"];
        if (values.Count == 0)
        {
            return null;
        }

        if (values.Count > 1 || !TransactionId.TryParse(values[0], out var id))
        {
            return Failure.Invalid("cursor", "cursor must be the id of the last transaction of the page before (\"txn_\" and 26 characters).");
        }

        before = id.Number;
        return null;
    }
}
