using System.Globalization;
using System.Text.Json;

namespace Metering.Core.Tests;

public class CreditsTests
{
    private static readonly JsonSerializerOptions SmallestBuffer = new() { DefaultBufferSize = 1 };

    [Theory]
    [InlineData("0", 0)]
    [InlineData("-0", 0)]
    [InlineData("-0.0000", 0)]
    [InlineData("2200", 22_000_000)]
    [InlineData("15432.50", 154_325_000)]
    [InlineData("0.0001", 1)]
    [InlineData("-0.25", -2_500)]
    [InlineData("1.2", 12_000)]
    [InlineData("922337203685477.5807", long.MaxValue)]
    [InlineData("-922337203685477.5808", long.MinValue)]
    public void A_plain_decimal_is_read(string text, long tenThousandths)
    {
        Assert.True(Credits.TryParse(text, out var credits));
        Assert.Equal(tenThousandths, credits.TenThousandths);
        Assert.Equal(tenThousandths, JsonSerializer.Deserialize<Credits>(text).TenThousandths);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData(".5")]
    [InlineData("5.")]
    [InlineData("-.5")]
    [InlineData("+5")]
    [InlineData("1,000")]
    [InlineData("1e2")]
    [InlineData("1E2")]
    [InlineData("0x10")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("1.00001")]
    [InlineData("1.00000")]
    [InlineData("1.2.3")]
    [InlineData("1.-2")]
    [InlineData("--1")]
    [InlineData("922337203685477.5808")]
    [InlineData("-922337203685477.5809")]
    [InlineData("1000000000000000000")]
    [InlineData("9999999999999999999999999999999")]
    [InlineData("\u0661")]
    [InlineData("\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661")]
    public void Anything_else_is_not(string text)
    {
        Assert.False(Credits.TryParse(text, out var credits));
        Assert.Equal(Credits.Zero, credits);
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Credits>(text));
    }

    [Theory]
    [InlineData(" 5")]
    [InlineData("5 ")]
    [InlineData("5\n")]
    public void Blanks_around_a_number_are_no_part_of_it(string text)
    {
        Assert.False(Credits.TryParse(text, out _));
        Assert.Equal(Credits.Of(5), JsonSerializer.Deserialize<Credits>(text));
    }

    [Theory]
    [InlineData("01")]
    [InlineData("-01.5")]
    [InlineData("00")]
    [InlineData("000000000000000001")]
    public void A_leading_zero_is_refused_in_text_as_it_is_in_JSON(string text)
    {
        Assert.False(Credits.TryParse(text, out _));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Credits>(text));
    }

    [Theory]
    [InlineData("\"5\"")]
    [InlineData("null")]
    [InlineData("true")]
    [InlineData("[5]")]
    [InlineData("1e400")]
    public void JSON_that_is_no_plain_number_is_refused(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Credits>(json));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(154_325_000, "15432.5")]
    [InlineData(22_000_000, "2200")]
    [InlineData(-2_500, "-0.25")]
    [InlineData(1, "0.0001")]
    [InlineData(-1, "-0.0001")]
    [InlineData(10_010, "1.001")]
    [InlineData(10_000_000_000_000_000, "1000000000000")]
    [InlineData(long.MaxValue, "922337203685477.5807")]
    [InlineData(long.MinValue, "-922337203685477.5808")]
    public void It_is_written_without_exponent_and_without_trailing_zeros(long tenThousandths, string text)
    {
        var credits = new Credits(tenThousandths);
        Assert.Equal(text, credits.ToString());
        Assert.Equal(text, credits.ToString("E", CultureInfo.InvariantCulture));
        Assert.Equal(text, JsonSerializer.Serialize(credits));
        Assert.Equal(text, credits.ToDecimal().ToString(CultureInfo.InvariantCulture));
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        var random = new Random(20260117);
        for (var round = 0; round < 20_000; round++)
        {
            var credits = new Credits(random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(63));
            Assert.True(Credits.TryParse(credits.ToString(), out var read));
            Assert.Equal(credits, read);
            Assert.Equal(credits, Credits.Of(credits.ToDecimal()));
        }
    }

    [Fact]
    public void A_number_in_JSON_that_arrives_in_pieces_is_read()
    {
        using var slow = new OneByteStream("{\"amount\":15432.25}"u8.ToArray());
        var read = JsonSerializer.Deserialize<Dictionary<string, Credits>>(slow, SmallestBuffer);
        Assert.Equal(new Credits(154_322_500), read!["amount"]);
    }

    [Fact]
    public void A_buffer_that_is_too_small_is_left_alone()
    {
        Span<char> small = ['x', 'x', 'x'];
        Assert.False(Credits.Of(1_000).TryFormat(small, out var written, default, null));
        Assert.Equal(0, written);
        Assert.Equal("xxx", small.ToString());
    }

    [Fact]
    public void Arithmetic_throws_rather_than_wrap()
    {
        var most = new Credits(long.MaxValue);
        var least = new Credits(long.MinValue);
        Assert.Throws<OverflowException>(() => most + new Credits(1));
        Assert.Throws<OverflowException>(() => least - new Credits(1));
        Assert.Throws<OverflowException>(() => -least);
        Assert.Throws<OverflowException>(() => most * 2);
        Assert.Throws<OverflowException>(() => Credits.Of(long.MaxValue));
        Assert.Throws<OverflowException>(() => Credits.Of(decimal.MaxValue));
        Assert.Throws<OverflowException>(() => Credits.Of(922_337_203_685_477.5808m));
    }

    [Theory]
    [InlineData("0.00001")]
    [InlineData("1.0000000000000000000000000001")]
    public void A_decimal_of_more_than_four_places_is_no_amount(string text) =>
        Assert.Throws<ArgumentException>(() => Credits.Of(decimal.Parse(text, CultureInfo.InvariantCulture)));

    /// <summary>Hands out one byte a read, so that the JSON reader sees a number in several segments.</summary>
    private sealed class OneByteStream(byte[] content) : MemoryStream(content)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(1, buffer.Length)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(1, count));
    }
}
