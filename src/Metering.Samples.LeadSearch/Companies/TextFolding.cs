using System.Text;

namespace Metering.Samples.LeadSearch.Companies;

/// <summary>
/// Folds texts for comparison: lower case, without accents and apostrophes, blanks collapsed. "Café Coton" and "CAFE  coton" fold alike.
/// </summary>
/// <remarks>
/// The framework's own normalization does nothing in globalization-invariant mode, in which this product runs so that it needs no
/// system library for languages. So the accented letters of Latin, Greek and Cyrillic scripts are listed here.
/// </remarks>
public static class TextFolding
{
    // Each line: a base letter, then the letters that fold to it.
    private static readonly string[] Letters =
    [
        "aàáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ",
        "bḃḅḇ",
        "cçćĉċčḉ",
        "dďḋḍḏḑḓđð",
        "eèéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ",
        "fḟ",
        "gĝğġģǧǵḡ",
        "hĥȟḣḥḧḩḫẖħ",
        "iìíîïĩīĭįǐȉȋḭḯỉịıİ",
        "jĵǰ",
        "kķǩḱḳḵ",
        "lĺļľḷḹḻḽł",
        "mḿṁṃ",
        "nñńņňǹṅṇṉṋ",
        "oòóôõöōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợø",
        "pṕṗ",
        "rŕŗřȑȓṙṛṝṟ",
        "sśŝşšșṡṣṥṧṩ",
        "tţťțṫṭṯṱẗŧ",
        "uùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự",
        "vṽṿ",
        "wŵẁẃẅẇẉẘ",
        "xẋẍ",
        "yýÿŷȳẏẙỳỵỷỹ",
        "zźżžẑẓẕ",
        "··",
        "αά",
        "εέ",
        "ηή",
        "ιίΐϊ",
        "οό",
        "σς",
        "υύϋΰ",
        "ωώ",
        "гѓ",
        "еѐё",
        "иѝй",
        "кќ",
        "уў",
        "ії",
    ];

    private static readonly Dictionary<char, string> Folded = MakeTable();

    /// <summary>The folded text.</summary>
    /// <param name="text">Any text.</param>
    public static string Fold(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var folded = new StringBuilder(text.Length);
        foreach (var character in text)
        {
            if (char.IsWhiteSpace(character))
            {
                AppendBlank(folded);
            }
            else if (!IsDropped(character))
            {
                AppendLetter(folded, char.ToLowerInvariant(character));
            }
        }

        return folded.ToString().TrimEnd();
    }

    private static void AppendBlank(StringBuilder folded)
    {
        if (folded.Length > 0 && folded[^1] != ' ')
        {
            folded.Append(' ');
        }
    }

    private static void AppendLetter(StringBuilder folded, char letter)
    {
        if (letter >= 0x80 && Folded.TryGetValue(letter, out var replacement))
        {
            folded.Append(replacement);
        }
        else
        {
            folded.Append(letter);
        }
    }

    // Combining accents are what is left of letters that were sent decomposed; people leave out apostrophes ("mcdonalds").
    private static bool IsDropped(char character) =>
        character is >= '\u0300' and <= '\u036f' or '\'' or '\u2019' or '\u02bc' or '`' or '\u00b4';

    private static Dictionary<char, string> MakeTable()
    {
        var table = new Dictionary<char, string>
        {
            ['ß'] = "ss",
            ['æ'] = "ae",
            ['œ'] = "oe",
            ['þ'] = "th",
        };
        foreach (var line in Letters)
        {
            foreach (var accented in line.AsSpan(1))
            {
                table.Add(accented, line[..1]);
            }
        }

        return table;
    }
}
