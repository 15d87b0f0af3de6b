using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;

namespace Metering;

/// <summary>
/// An amount of credits: fixed point with four decimals, a 64-bit integer of ten-thousandths inside. All arithmetic is checked and
/// throws <see cref="OverflowException"/> rather than wrap; no floating point ever touches a balance.
/// </summary>
/// <param name="TenThousandths">The amount in ten-thousandths of a credit; may be negative where an amount is signed.</param>
[JsonConverter(typeof(CreditsJsonConverter))]
public readonly record struct Credits(long TenThousandths) : IComparable<Credits>, ISpanFormattable
{
    /// <summary>Ten-thousandths in one credit.</summary>
    public const long Scale = 10_000;

    /// <summary>Decimals that an amount can have.</summary>
    public const int Decimals = 4;

    /// <summary>
    /// The largest amount that one request may name: 1,000,000,000,000 credits. Far above any real price and small enough that
    /// sums of hundreds of them stay inside 64 bits.
    /// </summary>
    public static readonly Credits MaxAmount = new(1_000_000_000_000 * Scale);

    /// <summary>No credits.</summary>
    public static readonly Credits Zero;

    /// <summary>A whole number of credits.</summary>
    /// <param name="credits">Whole credits.</param>
    /// <exception cref="OverflowException">The amount does not fit.</exception>
    public static Credits Of(long credits) => new(checked(credits * Scale));

    /// <summary>An amount from a decimal with at most four decimals.</summary>
    /// <param name="credits">Credits.</param>
    /// <exception cref="ArgumentException">More than four decimals.</exception>
    /// <exception cref="OverflowException">The amount does not fit.</exception>
    public static Credits Of(decimal credits)
    {
        var scaled = credits * Scale;
        if (scaled != decimal.Truncate(scaled))
        {
            throw new ArgumentException($"Credits have at most {Decimals} decimals, but got {credits.ToString(CultureInfo.InvariantCulture)}.", nameof(credits));
        }

        return new(decimal.ToInt64(scaled));
    }

    /// <summary>True for an amount above zero.</summary>
    public bool IsPositive => TenThousandths > 0;

    /// <summary>True for an amount below zero.</summary>
    public bool IsNegative => TenThousandths < 0;

    /// <summary>True for nothing.</summary>
    public bool IsZero => TenThousandths == 0;

    /// <summary>The smaller of two amounts.</summary>
    public static Credits Min(Credits left, Credits right) => left.TenThousandths <= right.TenThousandths ? left : right;

    /// <summary>The same amount as a decimal, without trailing zeros.</summary>
    public decimal ToDecimal() => new decimal(TenThousandths) / Scale;

    /// <inheritdoc />
    public int CompareTo(Credits other) => TenThousandths.CompareTo(other.TenThousandths);

    /// <summary>Adds, checked.</summary>
    public static Credits operator +(Credits left, Credits right) => new(checked(left.TenThousandths + right.TenThousandths));

    /// <summary>Subtracts, checked.</summary>
    public static Credits operator -(Credits left, Credits right) => new(checked(left.TenThousandths - right.TenThousandths));

    /// <summary>Negates, checked.</summary>
    public static Credits operator -(Credits value) => new(checked(-value.TenThousandths));

    /// <summary>Multiplies by a count, checked.</summary>
    public static Credits operator *(Credits value, long count) => new(checked(value.TenThousandths * count));

    /// <summary>Compares.</summary>
    public static bool operator <(Credits left, Credits right) => left.TenThousandths < right.TenThousandths;

    /// <summary>Compares.</summary>
    public static bool operator >(Credits left, Credits right) => left.TenThousandths > right.TenThousandths;

    /// <summary>Compares.</summary>
    public static bool operator <=(Credits left, Credits right) => left.TenThousandths <= right.TenThousandths;

    /// <summary>Compares.</summary>
    public static bool operator >=(Credits left, Credits right) => left.TenThousandths >= right.TenThousandths;

    /// <summary>Plain decimal: no exponent, no trailing zeros, a point as the separator ("15432.5", "-0.25", "2200").</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{this}");

    /// <inheritdoc />
    public string ToString(string? format, IFormatProvider? formatProvider) => ToString();

    /// <inheritdoc />
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider)
    {
        Span<char> text = stackalloc char[24];
        var magnitude = (ulong)Math.Abs((decimal)TenThousandths);
        var length = 0;
        if (TenThousandths < 0)
        {
            text[length++] = '-';
        }

        (magnitude / (ulong)Scale).TryFormat(text[length..], out var wholeLength, default, CultureInfo.InvariantCulture);
        length += wholeLength;
        var fraction = magnitude % (ulong)Scale;
        if (fraction != 0)
        {
            text[length++] = '.';
            for (var unit = (ulong)Scale / 10; fraction != 0; unit /= 10)
            {
                text[length++] = (char)('0' + (fraction / unit));
                fraction %= unit;
            }
        }

        charsWritten = 0;
        if (!text[..length].TryCopyTo(destination))
        {
            return false;
        }

        charsWritten = length;
        return true;
    }

    /// <summary>
    /// Reads a plain decimal, a JSON number without exponent: optional minus, digits without a leading zero, optionally a point and one to
    /// four digits. No plus, no blanks, no thousands separators.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="credits">The amount, or zero.</param>
    /// <returns>False where the text is not such a decimal or does not fit into 64 bits.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out Credits credits)
    {
        if (text.Length > 24)
        {
            credits = Zero;
            return false;
        }

        Span<byte> ascii = stackalloc byte[24];
        return Encoding.UTF8.TryGetBytes(text, ascii, out var length) & TryParse(ascii[..length], out credits);
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, out Credits)"/>
    /// <param name="utf8Text">The text, UTF-8.</param>
    /// <param name="credits">The amount, or zero.</param>
    public static bool TryParse(ReadOnlySpan<byte> utf8Text, out Credits credits)
    {
        credits = Zero;
        var negative = utf8Text.StartsWith("-"u8);
        var digits = negative ? utf8Text[1..] : utf8Text;
        var point = digits.IndexOf((byte)'.');
        var whole = point < 0 ? digits : digits[..point];
        var fraction = point < 0 ? default : digits[(point + 1)..];
        var leadingZero = whole.Length > 1 && whole[0] == (byte)'0';
        if (whole.IsEmpty || whole.Length > 18 || leadingZero || (point >= 0 && fraction.IsEmpty) || fraction.Length > Decimals)
        {
            return false;
        }

        Int128 value = 0;
        foreach (var digit in whole)
        {
            if (!char.IsAsciiDigit((char)digit))
            {
                return false;
            }

            value = (value * 10) + (digit - '0');
        }

        for (var index = 0; index < Decimals; index++)
        {
            var digit = index < fraction.Length ? fraction[index] : (byte)'0';
            if (!char.IsAsciiDigit((char)digit))
            {
                return false;
            }

            value = (value * 10) + (digit - '0');
        }

        value = negative ? -value : value;
        if (value < long.MinValue || value > long.MaxValue)
        {
            return false;
        }

        credits = new((long)value);
        return true;
    }
}
