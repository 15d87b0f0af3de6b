namespace Metering.Core.Tests;

public class CommandRulesTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Lead search: Restaurants in US (97 results)")]
    [InlineData("Z\u00fcrich \u6771\u4eac")]
    [InlineData("pair \ud83d\ude00 and \ud83d\ude00")]
    [InlineData("replacement \ufffd is text")]
    [InlineData("\u00a0")]
    public void A_valid_text_passes(string? text) => Assert.Null(CommandRules.CheckText("description", text, 500));

    [Theory]
    [InlineData("a\0b", "U+0000")]
    [InlineData("tab\t", "U+0009")]
    [InlineData("line\n", "U+000A")]
    [InlineData("\u001f", "U+001F")]
    [InlineData("\u007f", "U+007F")]
    [InlineData("\u0085", "U+0085")]
    [InlineData("\u009f", "U+009F")]
    public void A_control_character_is_refused_by_its_code(string text, string code)
    {
        var refusal = CommandRules.CheckText("description", text, 500);
        Assert.Equal(RefusalReason.InvalidRequest, refusal!.Reason);
        Assert.Equal("description", refusal.Field);
        Assert.Contains(code, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Half_of_a_surrogate_pair_is_refused_wherever_it_stands()
    {
        foreach (var text in new[] { "\ud83d", "\ude00", "a\ud83d", "\ude00a", "\ude00\ud83d", "\ud83d\ud83d\ude00", "\ud83d\ude00\ude00" })
        {
            Assert.Contains("surrogate", CommandRules.CheckText("reference", text, 200)!.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(CommandRules.MaxDescription)]
    [InlineData(CommandRules.MaxReference)]
    [InlineData(CommandRules.MaxId)]
    public void A_text_may_be_as_long_as_its_limit_and_no_longer(int limit)
    {
        Assert.Null(CommandRules.CheckText("x", new string('a', limit), limit));
        Assert.Contains($"at most {limit}", CommandRules.CheckText("x", new string('a', limit + 1), limit)!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_id_is_needed_and_is_text()
    {
        Assert.Null(CommandRules.CheckId("id", new string('a', 128)));
        Assert.NotNull(CommandRules.CheckId("id", new string('a', 129)));
        Assert.NotNull(CommandRules.CheckId("id", null));
        Assert.NotNull(CommandRules.CheckId("id", string.Empty));
        Assert.NotNull(CommandRules.CheckId("id", "a\u0001"));
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("company.signals", true)]
    [InlineData("a-z_0.9", true)]
    [InlineData("", false)]
    [InlineData("Company", false)]
    [InlineData("a b", false)]
    [InlineData("a\n", false)]
    [InlineData("\u00e4", false)]
    public void A_product_is_a_short_plain_name(string? product, bool valid) => Assert.Equal(valid, CommandRules.CheckProduct("product", product) is null);

    [Fact]
    public void A_product_has_at_most_64_characters()
    {
        Assert.Null(CommandRules.CheckProduct("product", new string('a', 64)));
        Assert.NotNull(CommandRules.CheckProduct("product", new string('a', 65)));
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("!", true)]
    [InlineData("~", true)]
    [InlineData("order-1:2/3", true)]
    [InlineData("", false)]
    [InlineData(" ", false)]
    [InlineData("a b", false)]
    [InlineData("a\u007f", false)]
    [InlineData("\u00e9", false)]
    [InlineData("a\r\n", false)]
    public void An_idempotency_key_is_visible_ASCII(string? key, bool valid) => Assert.Equal(valid, CommandRules.CheckIdempotencyKey("Idempotency-Key", key) is null);

    [Fact]
    public void An_idempotency_key_has_at_most_255_characters()
    {
        Assert.Null(CommandRules.CheckIdempotencyKey("Idempotency-Key", new string('k', 255)));
        Assert.NotNull(CommandRules.CheckIdempotencyKey("Idempotency-Key", new string('k', 256)));
    }

    [Fact]
    public void An_amount_is_above_zero_and_at_most_a_million_millions()
    {
        Assert.Null(CommandRules.CheckAmount("amount", new(1)));
        Assert.Null(CommandRules.CheckAmount("amount", Credits.MaxAmount));
        Assert.NotNull(CommandRules.CheckAmount("amount", Credits.Zero));
        Assert.NotNull(CommandRules.CheckAmount("amount", new(-1)));
        Assert.NotNull(CommandRules.CheckAmount("amount", Credits.MaxAmount + new Credits(1)));
        Assert.NotNull(CommandRules.CheckAmount("amount", new(long.MinValue)));
    }

    [Fact]
    public void A_quantity_is_zero_to_a_thousand_millions()
    {
        Assert.Null(CommandRules.CheckQuantity("quantity", null));
        Assert.Null(CommandRules.CheckQuantity("quantity", 0));
        Assert.Null(CommandRules.CheckQuantity("quantity", 1_000_000_000));
        Assert.NotNull(CommandRules.CheckQuantity("quantity", 1_000_000_001));
        Assert.NotNull(CommandRules.CheckQuantity("quantity", -1));
    }
}
